// Lists with boxes to tick: choose all of a page, and how many are chosen.
(() => {
  "use strict";
  const boxes = (name) => [...document.querySelectorAll(`input[type="checkbox"][name="${name}"]`)];
  const count = (all) => {
    const found = boxes(all.dataset.check);
    const chosen = found.filter((box) => box.checked).length;
    all.checked = found.length > 0 && chosen === found.length;
    all.indeterminate = chosen > 0 && chosen < found.length;
    const told = all.closest("form").querySelector("[data-counted]");
    if (told) told.textContent = chosen ? told.dataset.many.replace("{n}", chosen) : "";
  };
  document.addEventListener("change", (event) => {
    const all = document.querySelector("[data-check]");
    if (!all) return;
    if (event.target === all) for (const box of boxes(all.dataset.check)) box.checked = all.checked;
    count(all);
  });
  document.addEventListener("DOMContentLoaded", () => {
    const all = document.querySelector("[data-check]");
    if (all) count(all);
  });
})();
