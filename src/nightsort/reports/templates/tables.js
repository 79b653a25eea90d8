"use strict";
// Lets every table of the class "sortable" be sorted by its headings and, where it is long, filtered by a text box.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], rows = [...body.rows];
  const value = (row, i) => row.cells[i].dataset.value ?? row.cells[i].textContent.trim();
  const compare = (a, b) => isNaN(a) || isNaN(b) || a === "" || b === "" ? a.localeCompare(b, "en", {numeric: true}) : a - b;
  [...table.tHead.rows[0].cells].forEach((heading, i) => {
    if (!heading.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const first = heading.classList.contains("n") ? "descending" : "ascending";
      const second = first === "descending" ? "ascending" : "descending";
      const order = heading.getAttribute("aria-sort") === first ? second : first;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      const way = order === "ascending" ? 1 : -1;
      body.append(...[...rows].sort((a, b) => way * compare(value(a, i), value(b, i))));
    });
  });
  if (rows.length < 20) continue;
  const label = document.createElement("label"), box = document.createElement("input"), found = document.createElement("output");
  label.className = "filter";
  box.type = "search";
  box.autocomplete = "off";
  label.append("Filter ", box, " ", found);
  (table.closest(".scroll") ?? table).before(label);
  box.addEventListener("input", () => {
    const wanted = box.value.toLocaleLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
      shown += !row.hidden;
    }
    found.value = wanted ? `${shown} of ${rows.length}` : "";
  });
}
