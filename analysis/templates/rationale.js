// One rationale: the chain from its question to the predictions of who learned from it, and the same question at other levels.
function step(title, ...children) {
  return el("li", { class: "step" }, el("h4", {}, title), ...children);
}

function money(row) {
  if (row.calls === null || row.calls === undefined) return null;
  const calls = several(row.calls, "call");
  if (row.usd === null) return `price unknown, ${calls}`;
  const dollars = row.usd === 0 ? "0" : row.usd.toFixed(row.usd < 0.01 ? 6 : 4);
  return `$${dollars}, ${calls}${row.n_unpriced ? `, ${row.n_unpriced} of unknown price` : ""}`;
}

function questionPart(question) {
  if (question.text === undefined) return el("p", { class: "note" }, "The question is not loaded: its rationale cannot be judged.");
  const choices = (question.choices || []).map((choice, i) => el("li", {}, el("b", {}, `(${String.fromCharCode(65 + i)}) `), safe(choice)));
  return el("div", {}, block(question.text), choices.length ? el("ul", { class: "choices" }, choices) : null,
    facts([["gold answer", question.gold === undefined ? "none" : question.gold], ["kind", question.answer_kind], ["data set", `${question.dataset}, ${question.split} split`], ["source", question.source]]));
}

function promptPart(row) {
  if (row.prompt) {
    const said = row.prompt.map(([role, text]) => el("div", {}, el("h5", {}, role), block(text)));
    return el("div", {}, el("p", { class: "note" }, "Built again from its recipe; it gives this reply's key, so it is the one that was sent."), folded("Show the prompt", said));
  }
  if (row.import_source) return el("p", { class: "note" }, safe(`Imported from ${row.import_file || row.import_source}, row ${row.import_row}. Its prompt did not come with it.`));
  const cell = row.cell;
  return el("p", { class: "note" }, safe(`Prompt version ${cell.prompt_version}, level ${cell.level === null ? "none" : cell.level}, format ${cell.format || "unknown"}. It is not among the prompts this report knows.`));
}

function replyPart(row, words) {
  const trace = row.reasoning ? folded(`Reasoning trace, ${count(row.reasoning.length)} characters`, block(row.reasoning, words, row.cut)) : null;
  const raw = row.reply_text !== null && row.reply_text !== undefined && row.text !== null ? folded("The reply as it came", block(row.reply_text, words, row.cut)) : null;
  const tokens = row.completion_tokens === null ? null : `${row.prompt_tokens === null ? "?" : count(row.prompt_tokens)} in, ${count(row.completion_tokens)} out`;
  return el("div", {}, block(row.text === null ? row.reply_text : row.text, words, row.cut), trace, raw,
    facts([["model", row.served_model || row.requested_model], ["status", row.reply_status === "ok" ? null : row.reply_status], ["tokens (provider's)", tokens], ["price", money(row)],
      ["redo", row.redo || null], ["sample", row.sample_index || null], ["received", row.received_at], ["reply", row.reply_key]]));
}

function verdictPart(row) {
  const strict = row.strict_verdict ? `${row.strict_verdict}${row.strict_answer === null ? "" : `: ${row.strict_answer}`}` : null;
  const faults = row.faults.map(([rule, detail]) => el("li", {}, el("b", {}, safe(rule)), detail ? el("span", {}, " – ", safe(detail)) : null));
  return el("div", {}, facts([["verdict", badge(row.verdict)], ["answer found", row.answer], ["gold answer", row.question.gold], ["by rule", row.rule], ["by the paper's rule", strict],
    ["realised", row.realised_tokens === null ? null : `${several(row.realised_tokens, "token")}, ${several(row.realised_steps, "step")}, ${several(row.realised_equations, "equation")}`]]),
    faults.length ? el("div", {}, el("h5", {}, "Faults"), el("ul", {}, faults)) : null);
}

function taughtParts(row, showEvaluation) {
  if (!row.corpora.length) return [step("Corpora", el("p", { class: "note" }, "In no corpus, so no student has learned from it."))];
  const runs = row.corpora.flatMap((corpus) => corpus.runs.map((run) => ({ ...run, corpus: corpus.name })));
  const lines = runs.map((run) => el("li", {}, safe(`${run.student}, seed ${run.seed}: ${run.status} (${run.key.slice(0, 8)})`)));
  const scored = runs.flatMap((run) => run.evaluations.map((e) => ({ ...e, run })));
  const scores = scored.map((e) => el("li", {}, safe(`${e.run.student}, seed ${e.run.seed} on ${e.dataset}, ${e.split}: ${percent(e.n_correct, e.n)} of ${count(e.n)} right `),
    el("button", { type: "button", class: "quiet", onclick: () => showEvaluation(e.evaluation_key) }, "its predictions")));
  return [
    step("Corpora", el("ul", {}, row.corpora.map((corpus) => el("li", {}, safe(`${corpus.name}: ${several(corpus.n_rows, "row")} (${corpus.hash.slice(0, 8)})`))))),
    step("Runs", lines.length ? el("ul", {}, lines) : el("p", { class: "note" }, "No student was trained on these corpora yet.")),
    step("Predictions", scores.length ? el("ul", {}, scores) : el("p", { class: "note" }, "None of these runs is evaluated yet.")),
  ];
}

function chainPart(row, words, showEvaluation) {
  return el("ol", { class: "chain" }, step("Question", questionPart(row.question)), step("Prompt", promptPart(row)), step("Reply and rationale", replyPart(row, words)),
    step("Verdict", verdictPart(row)), ...taughtParts(row, showEvaluation));
}

function series(row) {
  return `${row.cell.teacher}, ${row.cell.format || "format unknown"}${row.cell.gold_visible === "yes" ? ", gold shown" : ""}`;
}

function besidePart(rows, current, words, show) {
  if (rows.length < 2) return null;
  const own = [...new Set(rows.map(series))].sort();
  const levels = [...new Set(rows.map((row) => row.cell.recipe.replace(/^(level \d).*/, "$1")))].sort();
  const ways = [...own.map((name) => [`s${name}`, `${name}: every level`]), ...levels.map((name) => [`l${name}`, `${name}: every teacher and format`]), ["a", `everything, ${rows.length} rationales`]];
  const select = el("select", { "aria-label": "What to show side by side" });
  const cards = el("div", { class: "beside", tabindex: "0", role: "group", "aria-label": "The same question, side by side" });
  function draw() {
    const [kind, name] = [select.value[0], select.value.slice(1)];
    const kept = rows.filter((row) => kind === "a" || (kind === "s" ? series(row) === name : row.cell.recipe.replace(/^(level \d).*/, "$1") === name));
    kept.sort((x, y) => (x.cell.level || 0) - (y.cell.level || 0));
    cards.replaceChildren(...kept.map((row) => {
      const mine = row.reply_key === current.reply_key && row.cell.cell_key === current.cell.cell_key;
      const head = mine ? el("b", {}, safe(row.cell.recipe)) : el("button", { type: "button", class: "quiet", onclick: () => show(row) }, plain(row.cell.recipe));
      return el("article", { class: mine ? "mine" : null }, el("header", {}, head, badge(row.verdict)),
        el("p", { class: "note" }, safe(`${row.cell.teacher}${row.realised_tokens === null ? "" : `, ${several(row.realised_tokens, "token")}, ${several(row.realised_steps, "step")}`}`)),
        block(row.text === null ? row.reply_text : row.text, words, row.cut));
    }));
  }
  options(select, ways, `s${series(current)}`);
  if (!rows.some((row) => row !== current && series(row) === series(current))) options(select, ways, "a");
  select.addEventListener("change", draw);
  draw();
  return el("section", { class: "same" }, el("h4", {}, "The same question side by side"), select, cards);
}
