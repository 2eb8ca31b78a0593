// The browser of rationales: filters, the list, and the chosen one.
const NAMES = { dataset: "data set", teacher: "teacher", level: "level", format: "format", verdict: "verdict", fault: "fault" };

function rationaleBrowser(root, source, showEvaluation) {
  const selects = {}, words = root.querySelector('input[type="search"]');
  for (const name of Object.keys(NAMES)) selects[name] = root.querySelector(`select[name="${name}"]`);
  const asked = () => ({ ...Object.fromEntries(Object.entries(selects).map(([name, select]) => [name, select.value])), words: words.value.trim() });

  const list = picker({
    root,
    prefer: (item) => /^level [2-6]/.test(item.recipe),
    key: (item) => `${item.reply_key}|${item.cell_key}`,
    load: async (skip, n) => {
      const found = await source.list(asked(), skip, n);
      return { ...found, said: several(found.total, "rationale") + (Object.values(asked()).some(Boolean) ? " match" : "") };
    },
    label: (item) => [
      el("span", { class: "line" }, safe(item.question || item.question_key)),
      el("span", { class: "meta" }, badge(item.verdict), safe(` ${item.recipe} · ${item.teacher} · ${item.dataset}${item.realised_tokens === null ? "" : ` · ${several(item.realised_tokens, "token")}`}`),
        item.faults.length ? el("span", { class: "fault" }, ` ${several(item.faults.length, "fault")}`) : null),
    ],
    open: async (item, detail, byHand) => {
      const rows = await source.question(item.question_key);
      const row = rows.find((r) => r.reply_key === item.reply_key && r.cell.cell_key === item.cell_key) || rows.find((r) => r.reply_key === item.reply_key);
      if (!row) throw new Error("this rationale is gone from the store");
      show(rows, row, detail, byHand);
    },
  });

  function show(rows, row, detail, byHand) {
    const go = (other) => list.choose({ reply_key: other.reply_key, cell_key: other.cell.cell_key, question_key: other.question.key }, true);
    detail.replaceChildren(
      el("h3", {}, safe(`${row.cell.recipe} by ${row.cell.teacher} `), badge(row.verdict)),
      el("p", { class: "note" }, safe(`${row.cell.dataset}, ${row.cell.format || "format unknown"}; gold answer shown to the teacher: ${row.cell.gold_visible}`)),
      chainPart(row, words.value.trim(), showEvaluation), ...[besidePart(rows, row, words.value.trim(), go)].filter(Boolean));
    if (byHand) history.replaceState(null, "", `#rationale=${row.reply_key}`);
  }

  async function refilter() {
    const found = await source.facets();
    for (const [name, select] of Object.entries(selects)) {
      const values = (found[name] || []).map(([value, n]) => [String(value), `${name === "level" && String(value) === "0" ? "no level" : value} (${count(n)})`]);
      options(select, [["", `every ${NAMES[name]}`], ...values], select.value);
      select.closest("label").hidden = !values.length;
    }
  }

  for (const select of Object.values(selects)) select.addEventListener("change", () => list.restart());
  words.addEventListener("input", later(() => list.restart(), source.live ? 350 : 120));
  root.querySelector(".clear").addEventListener("click", () => {
    for (const select of Object.values(selects)) select.value = "";
    words.value = "";
    list.restart();
  });

  return {
    start: async (key) => {
      await refilter();
      const item = key ? await source.reply(key) : null;
      if (item) await list.choose(item, true);
      await (item ? list.refresh() : list.restart());
      return Boolean(item);
    },
    open: async (key) => { const item = await source.reply(key); if (item) await list.choose(item, true); return Boolean(item); },
    refresh: async () => { await refilter(); await list.refresh(); },
  };
}
