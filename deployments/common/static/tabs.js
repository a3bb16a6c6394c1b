/* The tabs: links that also work without JavaScript; with it, no page is loaded. */

import { onKey } from "../portal/page.js";

const nav = document.querySelector(".tabs");
const links = [...nav.querySelectorAll("a[data-tab]")];
const listeners = [];

/* Calls `act(name)` whenever a tab is shown. */
export function onTab(act) {
  listeners.push(act);
}

export function current() {
  return links.find((link) => link.hasAttribute("aria-current")).dataset.tab;
}

/* Shows a tab; `remember` puts it into the address, so that reload and Back keep it. */
export function show(name, { remember = true } = {}) {
  if (name === current()) return;
  for (const link of links) {
    if (link.dataset.tab === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const panel of document.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== name;
  if (remember) {
    const url = new URL(location.href);
    url.searchParams.set("tab", name);
    url.searchParams.delete("until");
    url.hash = "";
    history.pushState(null, "", url);
  }
  for (const act of listeners) act(name);
}

nav.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-tab]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  show(link.dataset.tab);
});
nav.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const at = links.indexOf(event.target);
  if (!step || at < 0) return;
  event.preventDefault();
  links[(at + step + links.length) % links.length].focus();
});
window.addEventListener("popstate", () => {
  const wanted = new URLSearchParams(location.search).get("tab") ?? "waterfall";
  show(links.some((link) => link.dataset.tab === wanted) ? wanted : "waterfall", { remember: false });
});
for (const [key, name] of [["w", "waterfall"], ["e", "events"], ["i", "inputs"]]) onKey(key, () => show(name));
