/* The options of a combobox: which one is chosen, and moving among them with the arrow keys. */

export function optionList(field, list) {
  const options = () => [...list.querySelectorAll("[role=option]")];
  const chosen = () => list.querySelector("[aria-selected=true]");

  function choose(option) {
    for (const one of options()) one.setAttribute("aria-selected", String(one === option));
    if (option) field.setAttribute("aria-activedescendant", option.id);
    else field.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  /* Chooses the next or the previous one; returns whether the key is for that. */
  function move(key) {
    const all = options();
    const at = all.indexOf(chosen());
    if (key === "ArrowDown") choose(all[(at + 1) % all.length]);
    else if (key === "ArrowUp") choose(all.at(at < 0 ? -1 : at - 1));
    else return false;
    return true;
  }

  return { options, choose, chosen, move };
}
