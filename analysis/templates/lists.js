// A list that is paged and walked with the arrow keys, beside the one thing it has open.
const PAGE = 50;

function picker({ root, load, label, open, key, prefer }) {
  const list = root.querySelector(".items"), status = root.querySelector(".found"), more = root.querySelector(".more"), detail = root.querySelector(".detail");
  let items = [], total = 0, chosen = null, turn = 0;

  async function fill(skip, keep) {
    const mine = ++turn;
    const n = keep ? Math.max(PAGE, items.length) : PAGE;
    try {
      const found = await load(skip, n);
      if (mine !== turn) return;
      total = found.total;
      items = skip ? items.concat(found.items) : found.items;
      draw(skip);
      status.textContent = found.said || several(total, "row");
      if (!skip && !keep && items.length && !chosen) await choose(items.find(prefer || (() => true)) || items[0], false);
      if (!items.length && !keep) { chosen = null; detail.replaceChildren(el("p", { class: "note" }, "Nothing matches these filters.")); }
    } catch (error) {
      if (mine === turn) status.textContent = error.busy ? `The store is busy: ${error.message} Trying again soon.` : `Could not read: ${error.message}`;
    }
  }

  function draw(from) {
    const had = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    if (!from) list.replaceChildren();
    for (const item of items.slice(from)) {
      const button = el("button", { type: "button", "data-key": key(item), "aria-current": chosen === key(item) ? "true" : null, tabindex: "-1" }, label(item));
      button.addEventListener("click", () => choose(item, true));
      list.append(el("li", {}, button));
    }
    more.hidden = items.length >= total;
    more.textContent = `Show ${count(Math.min(PAGE, total - items.length))} more of ${count(total)}`;
    roving();
    if (had) { const again = [...list.querySelectorAll("button")].find((b) => b.dataset.key === had); if (again) again.focus(); }
  }

  function roving() {
    const buttons = [...list.querySelectorAll("button")];
    const current = buttons.find((b) => b.dataset.key === chosen) || buttons[0];
    for (const button of buttons) {
      button.tabIndex = button === current ? 0 : -1;
      if (button.dataset.key === chosen) button.setAttribute("aria-current", "true"); else button.removeAttribute("aria-current");
    }
  }

  async function choose(item, byHand) {
    chosen = key(item);
    roving();
    detail.setAttribute("aria-busy", "true");
    try {
      await open(item, detail, byHand);
    } catch (error) {
      detail.replaceChildren(el("p", { class: "note" }, error.busy ? `The store is busy: ${error.message}` : `Could not read: ${error.message}`));
    }
    detail.removeAttribute("aria-busy");
    detail.scrollTop = 0;
    if (byHand && getComputedStyle(detail.parentNode).display !== "grid") detail.scrollIntoView({ block: "start" });
    if (byHand) detail.focus({ preventScroll: true });
  }

  list.addEventListener("keydown", (event) => {
    const buttons = [...list.querySelectorAll("button")], at = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1, PageDown: at + 10, PageUp: at - 10 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const next = buttons[Math.max(0, Math.min(buttons.length - 1, to))];
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next.focus();
  });
  detail.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const current = list.querySelector('[tabindex="0"]');
    if (current) current.focus();
  });
  more.addEventListener("click", () => fill(items.length));

  return {
    restart() { chosen = null; return fill(0); },
    refresh() { return fill(0, true); },
    choose,
    get chosen() { return chosen; },
  };
}

function options(select, values, kept) {
  select.replaceChildren(...values.map(([value, text]) => el("option", { value }, plain(text))));
  select.value = values.some(([value]) => value === kept) ? kept : values.length ? values[0][0] : "";
}

function later(work, wait) {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(work, wait); };
}
