// Follows a study that goes on: the server says when there is something new, and the page takes what has changed.
"use strict";
(() => {
  const line = document.getElementById("live");
  let shown = Number(line.dataset.version), latest = shown, asking = false, events = null;

  const refresh = async () => {
    if (asking || document.hidden || latest <= shown) return;
    asking = true;
    try {
      const answer = await fetch(`part${location.search}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page.querySelector("[data-plot]") && !document.getElementById("plotly")) return location.reload();
      shown = Math.max(latest, Number(page.getElementById("live").dataset.version));
      window.cellsearch.replace(page);
    } catch { /* the stream of events tells that the server is gone */ }
    asking = false;
    refresh();
  };

  // A browser opens few connections to one server, so that a page which nobody sees holds none.
  const follow = () => {
    if (document.hidden) { events?.close(); events = null; return; }
    if (events) return;
    events = new EventSource(`events${location.search}`);
    events.addEventListener("message", (event) => {
      const told = JSON.parse(event.data);
      line.textContent = told.line;
      latest = told.version;
      refresh();
    });
    events.addEventListener("error", () => { line.textContent = "The server does not answer; this page shows what it told last."; });
  };
  document.addEventListener("visibilitychange", follow);
  follow();
})();
