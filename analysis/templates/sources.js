// Where rows come from: the sample inside the file, or the server that reads the store. Both answer the same questions.
function assembled(doc, values) {
  const row = {};
  doc.columns.forEach((name, i) => { row[name] = values[i]; });
  row.question = doc.questions[row.question];
  if (doc.cells) {
    row.cell = doc.cells[row.cell];
    row.prompt = row.prompt && row.prompt.map(([role, at]) => [role, doc.prompts[at]]);
    row.corpora = row.corpora.map((hash) => ({ hash, ...doc.corpora[hash] }));
    for (const corpus of row.corpora) corpus.runs = corpus.runs.map((key) => ({ key, ...doc.runs[key] }));
  }
  return row;
}

function inlineSource(data) {
  const rows = data.rationales.rows.map((values) => assembled(data.rationales, values));
  const answers = data.predictions.rows.map((values) => assembled(data.predictions, values));
  const evaluations = data.predictions.evaluations;
  const level = (row) => row.cell.level === null ? 0 : row.cell.level;
  const keeps = {
    dataset: (row, value) => row.cell.dataset === value,
    teacher: (row, value) => row.cell.teacher === value,
    level: (row, value) => String(level(row)) === value,
    format: (row, value) => (row.cell.format || "unknown") === value,
    verdict: (row, value) => row.verdict === value,
    fault: (row, value) => row.faults.some(([rule]) => rule === value),
    words: (row, value) => [row.question.text, row.text, row.answer].some((text) => text && text.toLowerCase().includes(value.toLowerCase())),
  };
  function item(row) {
    const cell = row.cell;
    return { reply_key: row.reply_key, cell_key: cell.cell_key, question_key: row.question.key, dataset: cell.dataset, teacher: cell.teacher,
      recipe: cell.recipe, verdict: row.verdict, faults: row.faults.map(([rule]) => rule), realised_tokens: row.realised_tokens,
      question: (row.question.text || "").slice(0, 160), text: (row.text || row.reply_text || "").slice(0, 160) };
  }
  return {
    live: false,
    async facets() {
      const made = {};
      const values = { dataset: (r) => [r.cell.dataset], teacher: (r) => [r.cell.teacher], level: (r) => [String(level(r))],
        format: (r) => [r.cell.format || "unknown"], verdict: (r) => [r.verdict], fault: (r) => [...new Set(r.faults.map(([rule]) => rule))] };
      for (const [name, of] of Object.entries(values)) {
        const tally = new Map();
        for (const row of rows) for (const value of of(row)) tally.set(value, (tally.get(value) || 0) + 1);
        made[name] = [...tally].sort(([a], [b]) => a < b ? -1 : 1);
      }
      return made;
    },
    async list(filters, skip, n) {
      const asked = Object.entries(filters).filter(([, value]) => value);
      const found = rows.filter((row) => asked.every(([name, value]) => keeps[name](row, value)));
      return { total: found.length, items: found.slice(skip, skip + n).map(item) };
    },
    async question(key) {
      return rows.filter((row) => row.question.key === key);
    },
    async reply(key) {
      const found = rows.find((row) => row.reply_key === key);
      return found ? item(found) : null;
    },
    async evaluations() {
      const there = new Set(answers.map((row) => row.evaluation));
      return evaluations.filter((_, i) => there.has(i));
    },
    async pairs({ a, b, outcome, words, skip, n }) {
      const at = (key) => evaluations.findIndex((e) => e.key === key), ia = at(a), ib = at(b);
      const second = new Map(answers.filter((r) => r.evaluation === ib).map((r) => [`${r.question.key}|${r.sample_index}`, r]));
      const items = [], counts = { "both right": 0, "only a": 0, "only b": 0, "both wrong": 0 };
      for (const one of answers) {
        if (one.evaluation !== ia) continue;
        const two = second.get(`${one.question.key}|${one.sample_index}`);
        if (!two) continue;
        if (words && ![one.question.text, one.text, two.text].some((t) => t && t.toLowerCase().includes(words.toLowerCase()))) continue;
        const [ra, rb] = [one.verdict === "correct", two.verdict === "correct"];
        const came = ra && rb ? "both right" : ra ? "only a" : rb ? "only b" : "both wrong";
        counts[came] += 1;
        if (!outcome || outcome === came) items.push({ question_key: one.question.key, sample_index: one.sample_index, question: (one.question.text || "").slice(0, 160),
          gold: one.question.gold, verdict_a: one.verdict, verdict_b: two.verdict, outcome: came });
      }
      return { total: items.length, counts, items: items.slice(skip, skip + n) };
    },
    async answers(key) {
      return answers.filter((row) => row.question.key === key).map((row) => ({ ...row, evaluation: evaluations[row.evaluation] }));
    },
  };
}

function servedSource() {
  async function get(path, params) {
    const asked = new URLSearchParams(Object.entries(params || {}).filter(([, value]) => value !== null && value !== undefined && value !== ""));
    const reply = await fetch(`${path}?${asked}`, { cache: "no-store" });
    const said = await reply.json();
    if (!reply.ok) throw Object.assign(new Error(said.error || reply.statusText), { busy: reply.status === 503 });
    return said;
  }
  return {
    live: true,
    get,
    facets: () => get("/api/facets"),
    list: (filters, skip, n) => get("/api/rationales", { ...filters, skip, n }),
    async question(key) {
      const doc = await get("/api/question", { key });
      return doc.rows.map((values) => assembled(doc, values));
    },
    async reply(key) {
      return (await get("/api/reply", { key })).item;
    },
    evaluations: async () => (await get("/api/evaluations")).evaluations,
    pairs: (asked) => get("/api/pairs", asked),
    async answers(key) {
      const doc = await get("/api/answers", { key });
      return doc.rows.map((values) => assembled(doc, values)).map((row) => ({ ...row, evaluation: doc.evaluations[row.evaluation] }));
    },
  };
}
