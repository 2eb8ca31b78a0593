// Start: which source, what the address asks for, where the reader is, and news from a store that is at work.
const data = JSON.parse(document.getElementById("data").textContent);
const source = data.mode === "served" ? servedSource() : inlineSource(data);
const predictionsRoot = document.getElementById("predictions"), rationalesRoot = document.getElementById("rationales");
const predictionList = predictionBrowser(predictionsRoot, source);
const rationaleList = rationaleBrowser(rationalesRoot, source, (key) => predictionList.showEvaluation(key));
const asks = (name) => { const found = location.hash.match(new RegExp(`^#${name}=([0-9a-zA-Z]+)$`)); return found ? found[1] : null; };

async function start() {
  const found = await rationaleList.start(asks("rationale"));
  if (found) rationalesRoot.scrollIntoView();
  await predictionList.start();
  document.body.dataset.ready = "yes";
}

addEventListener("hashchange", async () => {
  const key = asks("rationale");
  if (key && await rationaleList.open(key)) rationalesRoot.scrollIntoView();
});

function follow() {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.getAttribute("href").slice(1), link]));
  const seen = new Set();
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) seen.add(entry.target.id); else seen.delete(entry.target.id);
    const current = [...links.keys()].find((id) => seen.has(id));
    for (const [id, link] of links) if (id === current) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    const nav = document.querySelector("nav"), link = links.get(current);
    if (link && nav.scrollWidth > nav.clientWidth) nav.scrollLeft = link.offsetLeft - 40; // a phone's: the current one in sight
  }, { rootMargin: "-10% 0px -60% 0px" });
  for (const id of links.keys()) { const section = document.getElementById(id); if (section) watch.observe(section); }
  return watch;
}

// The figures are made anew by the server; what was open stays open.
async function swapFigures(version) {
  const reply = await fetch("/figures", { cache: "no-store" });
  if (!reply.ok) return;
  const figures = document.getElementById("figures"), nav = document.querySelector("nav");
  const name = (details) => `${(details.closest("section") || {}).id}|${details.querySelector("summary").textContent}`;
  const open = new Set([...figures.querySelectorAll("details[open]")].map(name));
  const made = new DOMParser().parseFromString(await reply.text(), "text/html");
  figures.replaceChildren(...made.getElementById("figures").childNodes);
  nav.replaceChildren(...made.querySelector("nav").childNodes);
  for (const details of figures.querySelectorAll("details")) if (open.has(name(details))) details.open = true;
  data.figures = version;
  watching.disconnect();
  watching = follow();
}

async function news() {
  const live = document.getElementById("live");
  live.hidden = false;
  try {
    if (!document.hidden) {
      const now = await source.get("/api/state");
      const c = now.counts;
      live.textContent = `Live: ${several(c.replies, "reply").replace("replys", "replies")}, ${several(c.rationales, "rationale")}, ${c.finished} of ${several(c.runs, "run")} finished, ${several(c.predictions, "prediction")}${now.rendering ? "; the figures are being drawn" : ""}`;
      if (now.figures !== data.figures) await swapFigures(now.figures);
      if (now.version !== data.version) {
        data.version = now.version;
        await rationaleList.refresh();
        await predictionList.refresh();
      }
    }
  } catch (error) {
    live.textContent = error.busy ? `The store is busy: ${error.message}` : "The server does not answer. Next: cotdistill report --serve";
  }
  setTimeout(news, data.every_ms || 3000);
}

let watching = follow();
start();
if (source.live) news();
