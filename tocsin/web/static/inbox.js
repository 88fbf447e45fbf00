// Keeps the inbox fresh without ever moving the row under the pointer, the finger or the keyboard's focus.
"use strict";
(() => {
  const EVERY_MS = 5000;
  const table = document.getElementById("inbox");
  const waiting = document.getElementById("waiting");
  const live = document.getElementById("live");
  const liveText = document.getElementById("live-text");
  let touchedAt = -Infinity;
  let pending = null;

  const isBusy = () =>
    table.matches(":hover") || table.contains(document.activeElement) || performance.now() - touchedAt < 8000;
  const idsOf = (root) => [...root.querySelectorAll("tr[data-id]")].map((row) => `${row.parentNode.dataset.state}/${row.dataset.id}`).join();

  function refreshCells(fresh) {
    // Rows that are still there get their new text in place; nothing moves.
    for (const row of fresh.querySelectorAll("tr[data-id]")) {
      const shown = table.querySelector(`tbody[data-state="${row.parentNode.dataset.state}"] tr[data-id="${CSS.escape(row.dataset.id)}"]`);
      if (!shown || shown.innerHTML === row.innerHTML || shown.contains(document.activeElement)) continue;
      shown.replaceChildren(...[...row.children].map((cell) => document.importNode(cell, true)));
    }
  }

  function show(fresh) {
    const bodies = [...fresh.querySelectorAll("tbody")].map((body) => document.importNode(body, true));
    for (const body of table.tBodies.length ? [...table.tBodies] : []) body.remove();
    table.append(...bodies);
    const firing = table.querySelectorAll('tbody[data-state="firing"] tr[data-id]').length;
    document.title = (firing ? `${firing} firing · ` : "") + "Tocsin";
    pending = null;
    waiting.hidden = true;
  }

  function settle() {
    if (pending && !isBusy()) show(pending);
  }

  async function refresh() {
    if (document.hidden) return;
    try {
      const query = table.dataset.query;
      const answer = await fetch("/alarms/rows" + (query ? `?${query}` : ""), { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      const fresh = new DOMParser().parseFromString(`<table>${text}</table>`, "text/html");
      tocsin.hintLocalTimes(fresh);
      const asOf = fresh.getElementById("as-of");
      live.classList.remove("lost");
      liveText.textContent = `as of ${asOf.dataset.text}`;
      document.getElementById("troubles").replaceWith(document.importNode(asOf.content.getElementById("troubles"), true));
      if (idsOf(fresh) === idsOf(table)) {
        refreshCells(fresh);
        pending = null;
        waiting.hidden = true;
      } else if (isBusy()) {
        refreshCells(fresh);
        pending = fresh;
        waiting.hidden = false;
      } else {
        show(fresh);
      }
    } catch {
      live.classList.add("lost");
      if (!liveText.textContent.startsWith("no connection")) liveText.textContent = `no connection; ${liveText.textContent}`;
    }
  }

  table.addEventListener("pointerleave", () => setTimeout(settle, 300));
  table.addEventListener("focusout", () => setTimeout(settle, 300));
  table.addEventListener("touchstart", () => { touchedAt = performance.now(); setTimeout(settle, 8100); }, { passive: true });
  document.addEventListener("visibilitychange", refresh);
  setInterval(refresh, EVERY_MS);
})();
