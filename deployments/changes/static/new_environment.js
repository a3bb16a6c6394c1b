/* The form of a new environment: presets fill the parameters, changed values are marked, folded options say their
   values, a field is checked when it is left, and a search finds one among the advanced parameters. */

import "../portal/base.js";
import { checkLeftFields } from "./field_checks.js";
import { offerInstanceTypes } from "./instance_types.js";

const form = document.getElementById("new-environment");
const parameters = [...(form?.querySelectorAll(".parameter[data-initial]") ?? [])];
const presetValues = JSON.parse(document.getElementById("preset-values")?.textContent ?? "{}");
const finder = form?.querySelector(".finder");
const search = document.getElementById("find-parameter");
const onlyChanged = document.getElementById("only-changed");

const control = (parameter) => parameter.querySelector("input, select, textarea");
const chosen = () => form.querySelector("input[name=preset]:checked");
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_whole, name) => values[name]);

/* The value that a parameter has unless it is changed: the preset's, else that of a new environment. */
function base(parameter) {
  return presetValues[chosen()?.value]?.[parameter.dataset.name] ?? parameter.dataset.initial;
}

function isChanged(parameter) {
  const value = control(parameter).value.trim();
  const list = (text) => text.split(/[\n,]/).map((part) => part.trim()).filter(Boolean).join(",");
  return control(parameter).matches("textarea") ? list(value) !== list(base(parameter)) : value !== base(parameter);
}

function set(parameter, value) {
  control(parameter).value = value;
  control(parameter).dispatchEvent(new Event("input", { bubbles: true }));
}

/* A preset sets its parameters; other values stay as they are. */
function applyPreset() {
  for (const parameter of parameters) {
    const value = presetValues[chosen()?.value]?.[parameter.dataset.name];
    if (value !== undefined) set(parameter, value);
  }
  update();
}

function update() {
  let inPreset = 0, advanced = 0;
  for (const parameter of parameters) {
    const changed = isChanged(parameter);
    const reset = parameter.querySelector(".reset");
    parameter.classList.toggle("is-changed", changed);
    reset.hidden = !changed;
    reset.textContent = base(parameter) ? fill(reset.dataset.reset, { value: base(parameter) }) : reset.dataset.empty;
    if (changed && parameter.closest(".advanced")) advanced += 1;
    if (changed) inPreset += 1;
  }
  describe(inPreset);
  const count = document.getElementById("advanced-changed");
  if (count) {
    count.hidden = advanced === 0;
    count.textContent = fill(count.dataset.text, { n: advanced });
  }
  for (const fold of form.querySelectorAll(".fold")) summarize(fold);
  if (onlyChanged?.getAttribute("aria-pressed") === "true") find();
}

function describe(n) {
  const text = document.getElementById("deviations");
  if (!text) return;
  const preset = chosen()?.dataset.label;
  const bold = document.getElementById("bold");
  bold.textContent = preset ? fill(bold.dataset.text, { preset }) : "";
  text.textContent = preset && n ? fill(text.dataset.text, { preset, n }) : "";
  document.getElementById("reset-all").hidden = !preset || n === 0;
  compare();
}

/* Marks the chosen column of the table of sizes, and what the other columns have different. */
function compare() {
  const column = [...document.querySelectorAll("table.presets thead th")].findIndex((head) => head.querySelector(":checked"));
  for (const row of document.querySelectorAll("table.presets tr")) {
    const cells = [...row.querySelectorAll(row.parentElement.tagName === "THEAD" ? "th" : "td")];
    for (const [place, cell] of cells.entries()) {
      cell.classList.toggle("is-chosen", place === column);
      cell.classList.toggle("differs", cell.tagName === "TD" && column >= 0 && cell.textContent !== cells[column].textContent);
    }
  }
}

/* The line of a folded option: how many of its values were changed, or its values. */
function summarize(fold) {
  const count = fold.querySelector(".count.changed");
  if (count) {
    const n = fold.querySelectorAll(".parameter.is-changed").length;
    count.hidden = n === 0;
    count.textContent = fill(count.dataset.text, { n });
  }
  const values = fold.querySelector(".values");
  if (values) values.textContent = shownValues(fold).join(" · ") || fold.dataset.values;
}

function shownValues(fold) {
  return [...fold.querySelectorAll("input, select, textarea")].map((one) => {
    if (one.type === "hidden" || one.type === "password" || one.type === "datetime-local") return "";
    if (one.matches("select")) return one.selectedOptions[0]?.textContent.trim() ?? "";
    if (!one.matches("[type=radio], [type=checkbox]")) return one.value.trim().replace(/\s*\n\s*/g, ", ");
    return one.checked ? one.closest("label").textContent.trim().replace(/\s+/g, " ") : "";
  }).filter(Boolean);
}

function resetAll() {
  for (const parameter of parameters) if (isChanged(parameter)) set(parameter, base(parameter));
  update();
}

/* Hides the advanced parameters that do not match, and groups without any. */
function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const changedOnly = onlyChanged.getAttribute("aria-pressed") === "true";
  let n = 0;
  for (const group of document.querySelectorAll("#advanced fieldset")) {
    const label = group.querySelector("legend").textContent.toLowerCase();
    let inGroup = 0;
    for (const parameter of group.querySelectorAll(".parameter")) {
      const text = `${label} ${parameter.dataset.words.toLowerCase()}`;
      const matches = words.every((word) => text.includes(word))
        && (!changedOnly || parameter.classList.contains("is-changed"));
      parameter.hidden = !matches;
      inGroup += matches ? 1 : 0;
    }
    group.hidden = inGroup === 0;
    n += inGroup;
  }
  const found = document.getElementById("found-parameters");
  found.textContent = words.length || changedOnly ? fill(n ? found.dataset.some : found.dataset.none, { n }) : "";
}

/* A link in the list of errors leads to a field that may be hidden. */
function reveal(event) {
  const link = event.target.closest?.(".summary a[href^='#']");
  const fold = link && document.getElementById(link.hash.slice(1))?.closest("details");
  if (!fold) return;
  fold.open = true;
  if (fold.id !== "advanced") return;
  search.value = "";
  onlyChanged.setAttribute("aria-pressed", "false");
  find();
}

if (form) {
  form.addEventListener("input", update);
  form.addEventListener("click", (event) => {
    const parameter = event.target.closest(".parameter .reset")?.closest(".parameter");
    if (!parameter) return;
    set(parameter, base(parameter));
    control(parameter).focus();
  });
  form.addEventListener("click", reveal);
  document.getElementById("reset-all")?.addEventListener("click", resetAll);
  document.getElementById("presets")?.addEventListener("change", applyPreset);
  if (finder) {
    finder.hidden = false;
    search.addEventListener("input", find);
    search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
    onlyChanged.addEventListener("click", () => {
      onlyChanged.setAttribute("aria-pressed", String(onlyChanged.getAttribute("aria-pressed") !== "true"));
      find();
    });
  }
  offerInstanceTypes(form);
  if (form.dataset.check) checkLeftFields(form);
  window.addEventListener("pageshow", update);       // Back restores values without an input event
  update();
}
