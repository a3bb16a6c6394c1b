/* The fields of instance types as comboboxes: the known types with vCPUs and memory; any other can be typed. */

import { optionList } from "../portal/options.js";

export function offerInstanceTypes(form) {
  const types = JSON.parse(document.getElementById("instance-types")?.textContent ?? "[]");
  for (const field of form.querySelectorAll("[data-instance-types]")) {
    const isOfDatabase = field.dataset.instanceTypes === "db.";
    combobox(field, types.filter((one) => one.name.startsWith("db.") === isOfDatabase));
  }
}

function combobox(field, types) {
  const box = document.createElement("div");
  const list = document.createElement("ul");
  box.className = "combobox";
  list.id = `${field.id}_types`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.labels[0]?.textContent.trim().replace(/\s+/g, " ") ?? field.name);
  list.hidden = true;
  field.before(box);
  box.append(field, list);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": list.id,
  })) field.setAttribute(name, value);
  const { choose, chosen, move } = optionList(field, list);

  function show(open) {
    list.hidden = !open || !list.children.length;
    field.setAttribute("aria-expanded", String(!list.hidden));
    if (list.hidden) choose(null);
  }

  /* Lists the types with the text; all of them while the field has a whole one. */
  function fill(text) {
    const wanted = types.some((one) => one.name === text) ? "" : text;
    list.replaceChildren(...types.filter((one) => one.name.includes(wanted)).map((one, place) => {
      const option = document.createElement("li");
      const has = document.createElement("small");
      option.id = `${list.id}_${place}`;
      option.dataset.value = one.name;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      has.textContent = one.has;
      option.append(one.name, " ", has);
      return option;
    }));
    show(true);
  }

  function take(option) {
    field.value = option.dataset.value;
    show(false);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    show(false);
  }

  field.addEventListener("input", (event) => { if (event.isTrusted) fill(field.value.trim()); });
  field.addEventListener("click", () => fill(field.value.trim()));
  field.addEventListener("blur", () => show(false));
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (list.hidden) {
      if (event.key !== "ArrowDown") return;
      fill(field.value.trim());
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
