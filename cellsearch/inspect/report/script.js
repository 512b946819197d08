// What a report does: the theme, copying, tables that sort and filter, and plots that are drawn when they are seen.
"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const element = (name, text = "", attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  // The theme: as the system has it, light or dark.
  const themes = ["as the system", "light", "dark"];
  const root = document.documentElement, switcher = document.getElementById("theme");
  const remembered = () => { try { return localStorage.getItem("cellsearch-theme"); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem("cellsearch-theme", theme); } catch { /* a browser that keeps nothing */ } };
  const paint = (theme) => {
    if (theme === themes[0]) root.removeAttribute("data-theme"); else root.dataset.theme = theme;
    switcher.textContent = `Theme: ${theme}`;
    plots.forEach((plot) => plot.restyle());
  };

  // Copying; where a browser forbids the clipboard, the text is selected for whoever copies it by hand.
  const select = (text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };
  const copy = async (button) => {
    const text = document.getElementById(button.dataset.copy), shown = button.firstChild;
    try {
      await navigator.clipboard.writeText(text.textContent);
      shown.textContent = "Copied";
    } catch {
      select(text);
      shown.textContent = document.execCommand("copy") ? "Copied" : "Selected";
    }
    setTimeout(() => { shown.textContent = "Copy"; }, 1500);
  };

  // Tables: 50 rows at a time; a heading sorts, words and comparisons (score<2.3, role=candidate) filter, a name opens its row.
  const PAGE = 50;
  const compare = { "<": (a, b) => a < b, ">": (a, b) => a > b, "=": (a, b) => a === b };
  const shownAs = (column, value) => {
    if (value === null || value === undefined) return "";
    if (column.kind !== "number") return String(value);
    if (column.decimals === null) return value.toLocaleString("en");
    return column.decimals > 5 ? String(Number(value.toPrecision(3))) : value.toFixed(column.decimals);
  };
  class Trials {
    constructor(part) {
      this.part = part;
      this.sorted = 0; this.down = false; this.page = 0; this.opened = new Set();
      this.read(part);
      const on = (selector, event, act) => part.querySelector(selector).addEventListener(event, act);
      on("[data-filter]", "input", () => this.select());
      on("[data-state]", "change", () => this.select());
      on("[data-first]", "click", () => this.turn(0));
      on("[data-previous]", "click", () => this.turn(this.page - 1));
      on("[data-next]", "click", () => this.turn(this.page + 1));
      this.select();
    }
    read(part) {
      Object.assign(this, JSON.parse(part.querySelector("script").textContent));
      this.texts = this.rows.map((row, i) => [...row, ...this.details[i]].join(" ").toLowerCase());
      this.state = this.columns.findIndex((column) => column.name === "state");
      this.named = this.columns.findIndex((column) => column.name === "cell");
      this.headings();
    }
    // What a study that goes on has now: sorted, filtered and opened as before.
    update(part) {
      const state = this.part.querySelector("[data-state]"), chosen = state.value, page = this.page;
      state.replaceChildren(...part.querySelector("[data-state]").children);
      state.value = chosen;
      this.read(part);
      this.select();
      this.turn(page);
    }
    headings() {
      const row = element("tr");
      this.columns.forEach((column, place) => {
        const heading = element("th", "", { scope: "col", class: column.kind === "number" ? "right" : "" });
        const button = element("button", column.name, { type: "button" });
        button.addEventListener("click", () => this.sort(place));
        heading.append(button);
        row.append(heading);
      });
      this.part.querySelector("thead").replaceChildren(row);
    }
    sort(place) {
      this.down = place === this.sorted ? !this.down : false;
      this.sorted = place;
      this.select();
    }
    select() {
      const terms = this.part.querySelector("[data-filter]").value.toLowerCase().match(/\S+/g) ?? [];
      const state = this.part.querySelector("[data-state]").value;
      const tests = terms.map((term) => this.test(term));
      this.found = this.rows.map((_, i) => i).filter((i) =>
        (!state || this.rows[i][this.state] === state) && tests.every((test) => test(i)));
      const order = (a, b) => {
        const x = this.rows[a][this.sorted], y = this.rows[b][this.sorted];
        if (x === null || y === null) return (x === null) - (y === null) || a - b; // what has no value comes last
        return (this.down ? -1 : 1) * (typeof x === "number" ? x - y : String(x).localeCompare(String(y))) || a - b;
      };
      this.found.sort(order);
      this.turn(0);
    }
    test(term) {
      const parts = term.match(/^([a-z_]+)([<>=])(.+)$/);
      const place = parts ? this.columns.findIndex((column) => column.name.replaceAll(" ", "_") === parts[1]) : -1;
      if (place < 0) return (i) => this.texts[i].includes(term);
      const [, , sign, text] = parts, numbers = this.columns[place].kind === "number";
      const value = (i) => numbers ? this.rows[i][place] : String(this.rows[i][place]).toLowerCase();
      return (i) => this.rows[i][place] !== null && compare[sign](value(i), numbers ? Number(text) : text);
    }
    turn(page) {
      const last = Math.max(0, Math.ceil(this.found.length / PAGE) - 1);
      this.page = Math.min(Math.max(0, page), last);
      const shown = this.found.slice(PAGE * this.page, PAGE * (this.page + 1));
      this.part.querySelector("tbody").replaceChildren(...shown.flatMap((i) => this.row(i)));
      all("thead th", this.part).forEach((heading, place) => {
        heading.setAttribute("aria-sort", place !== this.sorted ? "none" : this.down ? "descending" : "ascending");
        heading.firstChild.textContent = this.columns[place].name + (place !== this.sorted ? "" : this.down ? " ↓" : " ↑");
      });
      this.part.querySelector("[data-count]").textContent = `${this.found.length.toLocaleString("en")} of ${this.rows.length.toLocaleString("en")}`;
      this.part.querySelector("[data-page]").textContent = `page ${this.page + 1} of ${last + 1}`;
      for (const [name, done] of [["first", this.page === 0], ["previous", this.page === 0], ["next", this.page === last]])
        this.part.querySelector(`[data-${name}]`).disabled = done;
    }
    row(i) {
      const row = element("tr");
      this.columns.forEach((column, place) => {
        const cell = element("td", "", { class: column.kind === "number" ? "right" : "" });
        const text = shownAs(column, this.rows[i][place]);
        if (place === this.named) {
          const button = element("button", text, { type: "button", "aria-expanded": String(this.opened.has(i)) });
          button.addEventListener("click", () => this.open(i, row, button));
          cell.append(button);
        } else cell.textContent = text;
        row.append(cell);
      });
      return this.opened.has(i) ? [row, this.detail(i)] : [row];
    }
    open(i, row, button) {
      const opening = !this.opened.delete(i);
      if (opening) { this.opened.add(i); row.after(this.detail(i)); } else row.nextSibling.remove();
      button.setAttribute("aria-expanded", String(opening));
    }
    detail(i) {
      const row = element("tr", "", { class: "detail" });
      const cell = element("td", "", { colspan: this.columns.length });
      cell.append(...this.details[i].map((line, place, lines) =>
        element("p", line, { class: place === lines.length - 1 ? "formula" : "" })));
      row.append(cell);
      return row;
    }
  }

  // Plots: the library is run once the first plot comes into view, so that reading need not wait for it.
  const loadPlotly = () => {
    if (!window.Plotly) document.head.append(element("script", document.getElementById("plotly").textContent));
    document.getElementById("plotly").textContent = "";
    return window.Plotly;
  };
  // Plotly's own default would offer to send the plot to its servers.
  const TOOLS = { displaylogo: false, responsive: true, showSendToCloud: false, plotlyServerURL: "",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"] };
  class Plot {
    constructor(part) {
      this.part = part;
      this.drawing = part.querySelector(".drawing");
      this.axis = 0;
      this.read(part);
      part.querySelector("[data-axis]")?.addEventListener("change", (event) => { this.axis = Number(event.target.value); this.draw(); });
    }
    read(part) {
      [this.figure, ...this.changes] = all("script", part);
    }
    update(part) {
      this.read(part);
      if (this.drawn) this.draw();
    }
    draw() {
      const figure = JSON.parse(this.figure.textContent);
      if (this.changes.length) {
        const change = JSON.parse(this.changes[this.axis].textContent);
        figure.data.forEach((trace, place) => Object.assign(trace, change.data[place]));
        figure.layout.xaxis = change.xaxis;
      }
      const narrow = this.drawing.clientWidth < 500;
      Object.assign(figure.layout, narrow ? { margin: { l: 48, r: 8, t: 8, b: 40 } } : {});
      const layout = { ...figure.layout, ...this.looks(figure.layout), autosize: true };
      this.drawn = loadPlotly().react(this.drawing, figure.data, layout, { ...TOOLS, displayModeBar: narrow ? false : "hover" });
    }
    looks(layout) {
      const style = getComputedStyle(root), of = (name) => style.getPropertyValue(name).trim();
      const axis = { gridcolor: of("--line"), linecolor: of("--quiet"), tickcolor: of("--quiet") };
      return {
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: of("--text"), size: 13 },
        xaxis: { ...layout.xaxis, ...axis }, yaxis: { ...layout.yaxis, ...axis },
        modebar: { bgcolor: "rgba(0,0,0,0)", color: of("--quiet"), activecolor: of("--text") },
        hoverlabel: { ...layout.hoverlabel, bgcolor: of("--panel"), bordercolor: of("--line"), font: { color: of("--text") } },
      };
    }
    restyle() {
      if (this.drawn) window.Plotly.relayout(this.drawing, this.looks(this.drawing.layout));
    }
  }
  const plots = [], tables = [];
  const seen = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    seen.unobserve(entry.target);
    plots.find((plot) => plot.part === entry.target).draw();
  }), { rootMargin: "200px" });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  paint(themes.includes(remembered()) ? remembered() : themes[0]);
  switcher.addEventListener("click", () => {
    const theme = themes[(themes.indexOf(root.dataset.theme ?? themes[0]) + 1) % themes.length];
    remember(theme);
    paint(theme);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach((plot) => plot.restyle()));

  // A part of the page comes to life; its text as it was written tells later whether it has changed.
  const written = new Map();
  const wake = (section) => {
    all("[data-trials]", section).forEach((part) => tables.push(new Trials(part)));
    for (const part of all("[data-plot]", section)) {
      plots.push(new Plot(part));
      seen.observe(part);
    }
  };
  const sections = (within) => [...within.querySelector("main").children];
  sections(document).forEach((section) => written.set(section.id, section.outerHTML));
  sections(document).forEach(wake);
  performance.mark("interactive");

  // A page of a study that has gone on takes the place of this one: only what changed, and tables and plots stay as they are turned.
  const kept = (old, section) => {
    const parts = [...tables, ...plots].filter((each) => old.contains(each.part));
    const now = all("[data-trials], [data-plot]", section);
    if (!parts.length || parts.length !== now.length || parts.some((each, i) => each.part.dataset.plot !== now[i].dataset.plot)) return false;
    parts.forEach((each, i) => each.update(now[i]));
    return true;
  };
  const replace = (page) => {
    const now = sections(page), main = document.querySelector("main");
    sections(document).filter((old) => !now.some((section) => section.id === old.id)).forEach((old) => old.remove());
    now.forEach((section, place) => {
      const old = sections(document).find((each) => each.id === section.id), text = section.outerHTML;
      if (old && (written.get(section.id) === text || kept(old, section))) { written.set(section.id, text); return; }
      written.set(section.id, text);
      if (old) old.replaceWith(section); else main.insertBefore(section, main.children[place] ?? null);
      wake(section);
    });
    for (const part of ["header p", "nav"]) document.querySelector(part).replaceWith(page.querySelector(part));
    document.title = page.title;
  };
  window.cellsearch = { replace };
})();
