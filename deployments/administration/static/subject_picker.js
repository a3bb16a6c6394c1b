/* The field for a person or team: a list of what the server finds, chosen with the arrow keys and Enter or a click. */

import "../portal/base.js";
import { announce } from "../portal/page.js";
import { optionList } from "../portal/options.js";

const WAIT_MS = 150;
const picker = document.querySelector(".picker");

if (picker) {
  const field = document.getElementById("id_who");
  const list = document.getElementById("subject-options");
  const { options, choose, chosen, move } = optionList(field, list);
  let asked = null;
  let timer = 0;

  field.removeAttribute("list");                     // the browser's own list, for pages without scripts
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": list.id,
  })) field.setAttribute(name, value);

  function show(open) {
    list.hidden = !open;
    field.setAttribute("aria-expanded", String(open));
    if (open) return;
    asked?.abort();
    clearTimeout(timer);
    choose(null);
  }

  async function search() {
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    try {
      const url = new URL(picker.dataset.url, location.href);
      url.searchParams.set("q", field.value);
      const answer = await fetch(url, { headers: { "HX-Request": "true" }, signal });
      if (new URL(answer.url).pathname !== url.pathname) return location.reload();   // the session has ended
      if (!answer.ok) throw new Error(answer.statusText);
      const text = await answer.text();
      if (signal.aborted) return;
      list.innerHTML = text;
      show(true);
      announce(list.querySelector("[data-none]")?.textContent.trim() ?? picker.dataset.found.replace("0", options().length));
    } catch (error) {
      if (error.name === "AbortError") return;
      show(false);
      announce(picker.dataset.failed);
    }
  }

  function take(option) {
    field.value = option.dataset.value;
    show(false);
    field.dispatchEvent(new Event("change", { bubbles: true }));   // what the role allows is shown for it
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, WAIT_MS);
  });
  field.addEventListener("blur", () => show(false));
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (list.hidden) {
      if (event.key !== "ArrowDown") return;
      search();
    } else if (event.key === "Escape") show(false);
    else if (event.key === "Enter" && chosen()) take(chosen());
    else if (!move(event.key)) return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault());   // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take(option);
  });
}
