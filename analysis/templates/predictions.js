// The browser of predictions: two evaluations side by side on the questions that both answered.
function predictionBrowser(root, source) {
  const pick = { a: root.querySelector('select[name="a"]'), b: root.querySelector('select[name="b"]'), outcome: root.querySelector('select[name="outcome"]') };
  const words = root.querySelector('input[type="search"]');
  let known = [];
  const labelOf = (key) => { const found = known.find((e) => e.key === key); return found ? found.label : "?"; };

  const list = picker({
    root,
    key: (item) => `${item.question_key}|${item.sample_index}`,
    load: async (skip, n) => {
      if (!pick.a.value) return { total: 0, items: [] };
      const found = await source.pairs({ a: pick.a.value, b: pick.b.value, outcome: pick.outcome.value, words: words.value.trim(), skip, n });
      if (found.items.length || !pick.outcome.value) tally(found.counts);
      return { ...found, said: several(found.total, "question") };
    },
    label: (item) => [
      el("span", { class: "line" }, safe(item.question || item.question_key)),
      el("span", { class: "meta" }, "A ", badge(item.verdict_a), " B ", badge(item.verdict_b), safe(` gold ${item.gold === null || item.gold === undefined ? "none" : item.gold}`)),
    ],
    open: async (item, detail, byHand) => {
      const rows = (await source.answers(item.question_key)).filter((row) => row.sample_index === item.sample_index);
      const of = (key) => rows.find((row) => row.evaluation.key === key);
      const side = (name, key) => {
        const row = of(key);
        return el("article", {}, el("header", {}, el("b", {}, `${name}: `, safe(labelOf(key))), row ? badge(row.verdict) : null),
          row ? el("div", {}, block(row.text, words.value.trim(), row.cut), facts([["answer found", row.answer], ["by rule", row.rule], ["by the paper's rule", row.strict_verdict],
            ["tokens", row.completion_tokens], ["ended by", row.finish_reason === "length" ? "the token limit" : row.finish_reason]])) : el("p", { class: "note" }, "Did not answer this question."));
      };
      const first = rows[0];
      detail.replaceChildren(el("h3", {}, "Question"), first ? questionPart(first.question) : el("p", { class: "note" }, "gone from the store"),
        el("div", { class: "beside two", tabindex: "0", role: "group", "aria-label": "Two runs side by side" }, side("A", pick.a.value), side("B", pick.b.value)),
        rows.length > 2 ? folded(`All ${rows.length} evaluations on this question`, el("ul", { class: "plain" }, rows.map((row) => el("li", {}, badge(row.verdict), safe(` ${row.evaluation.label}: ${row.answer === null ? "no answer" : row.answer}`))))) : null);
      if (byHand) history.replaceState(null, "", `#prediction=${item.question_key}`);
    },
  });

  function tally(counts) {
    const names = [["", "every outcome"], ["both right", "both right"], ["only a", "only A right"], ["only b", "only B right"], ["both wrong", "both wrong"]];
    options(pick.outcome, names.map(([value, text]) => [value, value && counts[value] !== undefined ? `${text} (${count(counts[value])})` : text]), pick.outcome.value);
  }

  function choices(select, evaluations, kept) {
    const groups = [...new Set(evaluations.map((e) => e.on))];
    select.replaceChildren(...groups.map((on) => el("optgroup", { label: plain(on) }, evaluations.filter((e) => e.on === on)
      .map((e) => el("option", { value: e.key }, plain(`${e.label}: ${percent(e.n_correct, e.n)}`))))));
    if (evaluations.some((e) => e.key === kept)) select.value = kept;
  }

  function second(kept) {
    const a = known.find((e) => e.key === pick.a.value);
    const same = a ? known.filter((e) => e.on.split(";")[0] === a.on.split(";")[0]) : [];
    const base = same.find((e) => !e.run && e.key !== a.key) || same.find((e) => e.key !== a.key) || a;
    choices(pick.b, same, same.some((e) => e.key === kept) ? kept : base && base.key);
  }

  async function refill(wanted) {
    known = await source.evaluations();
    const best = [...known].sort((x, y) => y.n_correct / y.n - x.n_correct / x.n)[0];
    choices(pick.a, known, known.some((e) => e.key === (wanted || pick.a.value)) ? wanted || pick.a.value : best && best.key);
    second(pick.b.value);
    root.querySelector(".filters").hidden = !known.length;
    root.querySelector(".panes").hidden = !known.length;
  }

  pick.a.addEventListener("change", () => { second(pick.b.value); list.restart(); });
  pick.b.addEventListener("change", () => list.restart());
  pick.outcome.addEventListener("change", () => list.restart());
  words.addEventListener("input", later(() => list.restart(), source.live ? 350 : 120));

  return {
    start: async () => { await refill(); if (known.length) await list.restart(); },
    refresh: async () => { await refill(); if (known.length) await list.refresh(); },
    showEvaluation: async (key) => { await refill(key); pick.outcome.value = ""; await list.restart(); root.scrollIntoView({ block: "start" }); pick.a.focus({ preventScroll: true }); },
  };
}
