// Draws each plot when it comes near the window, and lets it go when it is far: hundreds stay usable.
"use strict";
(() => {
  const all = JSON.parse(document.getElementById("data").textContent);
  const charts = new Map();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const two = (n) => String(n).padStart(2, "0");
  const clock = (s) => { const d = new Date(s * 1000); return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`; };
  const date = (s) => new Date(s * 1000).toLocaleDateString("en-GB", { timeZone: "UTC", day: "numeric", month: "short" });
  const format = (v) => v == null ? "–" : v.toLocaleString("en-US", { maximumSignificantDigits: 4 }).replace("-", "−");
  const HINT = "Below: the score, dotted where people are told. Arrow keys or pointer read values; drag to zoom, double click to go back.";
  const LOOK = { calendar: ["calendar", "calendar-edge"], incident: ["incident", "incident-edge"], held: ["held", "held-edge"], page: ["alarm", "alarm-edge"] };
  const ORDER = ["calendar", "incident", "held", "page"];

  function spans(points) {
    return (u) => {
      const { ctx, bbox } = u, ratio = devicePixelRatio;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      for (const span of [...points.spans].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))) {
        const from = u.valToPos(span.from, "x", true), to = Math.max(u.valToPos(span.to, "x", true), from + 2 * ratio);
        const [back, edge] = LOOK[span.kind];
        ctx.fillStyle = colour(back);
        ctx.fillRect(from, bbox.top, to - from, bbox.height);
        ctx.strokeStyle = ctx.fillStyle = colour(edge);
        if (span.kind === "incident") ctx.fillRect(from, bbox.top, to - from, 4 * ratio); // a bar on top
        else if (span.kind === "calendar") { // hatched
          ctx.save();
          ctx.beginPath();
          ctx.rect(from, bbox.top, to - from, bbox.height);
          ctx.clip();
          ctx.beginPath();
          for (let x = from - bbox.height; x < to; x += 14 * ratio) { ctx.moveTo(x, bbox.top + bbox.height); ctx.lineTo(x + bbox.height, bbox.top); }
          ctx.globalAlpha = 0.35;
          ctx.lineWidth = 0.7 * ratio;
          ctx.stroke();
          ctx.restore();
          ctx.font = `${11 * ratio}px system-ui, sans-serif`;
          ctx.textBaseline = "bottom";
          const left = Math.max(from, bbox.left) + 4 * ratio, room = Math.min(to, bbox.left + bbox.width) - left;
          if (u.height > 150 && ctx.measureText(span.title).width <= room) ctx.fillText(span.title, left, bbox.top + bbox.height - 3 * ratio);
        } else { // a line where it opened; dotted if nobody was told
          ctx.lineWidth = 2 * ratio;
          ctx.setLineDash(span.kind === "held" ? [2 * ratio, 4 * ratio] : []);
          ctx.beginPath();
          ctx.moveTo(from, bbox.top);
          ctx.lineTo(from, bbox.top + bbox.height);
          ctx.stroke();
          ctx.setLineDash([]);
        }
      }
      ctx.restore();
    };
  }

  function range(u, low, high) {
    if (low == null || high == null) return [0, 1];
    if (low >= 0 && low < 0.7 * high) return [0, high * 1.06];
    const margin = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
    return [low - margin, high + margin];
  }

  function draw(figure) {
    const points = all[figure.id], holder = figure.querySelector(".plot"), note = figure.querySelector(".note");
    const width = holder.clientWidth;
    if (!width) return;
    release(figure);
    const tall = width < 560 ? 200 : 250, days = points.t.at(-1) - points.t[0] > 3 * 86400;
    const axis = { stroke: colour("ink"), grid: { stroke: colour("grid"), width: 1 }, ticks: { stroke: colour("grid"), width: 1 } };
    const read = (u) => {
      const i = u.cursor.idx;
      note.textContent = i == null || points.t[i] == null ? HINT
        : `${date(points.t[i])} ${clock(points.t[i])}: observed ${format(points.observed[i])}, expected ${format(points.expected[i])} (normal ${format(points.lower[i])} to ${format(points.upper[i])}), score ${format(points.surprise[i])}`;
    };
    const shared = {
      width, padding: [8, 12, 0, 0], tzDate: (s) => uPlot.tzDate(new Date(s * 1000), "UTC"), legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false }, sync: { key: figure.id } },
    };
    const times = (u, splits) => splits.map((s, i) => days ? date(s) : clock(s) === "00:00" || i === 0 ? `${clock(s)}\n${date(s)}` : clock(s));
    const none = { show: false };
    const top = new uPlot({
      ...shared, height: tall, scales: { x: { time: true }, y: { range } }, hooks: { drawClear: [spans(points)], setCursor: [read] },
      axes: [{ ...axis, space: 60, values: times }, { ...axis, size: 60, values: (u, splits) => splits.map(format) }],
      series: [{}, { stroke: "transparent", points: none }, { stroke: "transparent", points: none },
        { stroke: colour("expected"), width: 1.5, dash: [6, 4], points: none }, { stroke: colour("observed"), width: 1.75, points: none }],
      bands: [{ series: [1, 2], fill: colour("band") }],
    }, [points.t, points.upper, points.lower, points.expected, points.observed], holder);
    const level = points.t.map(() => points.threshold), below = points.t.map(() => points.threshold == null ? null : -points.threshold);
    const least = Math.max(points.threshold || 0, 2) * 1.15;
    const bottom = new uPlot({
      ...shared, height: 95, scales: { x: { time: true }, y: { range: (u, low, high) => [Math.min(low ?? 0, -least), Math.max(high ?? 0, least)] } },
      hooks: { drawClear: [spans(points)] },
      axes: [{ ...axis, size: 0, values: (u, splits) => splits.map(() => "") }, { ...axis, size: 60, values: (u, splits) => splits.map(format) }],
      series: [{}, { stroke: colour("observed"), width: 1.25, points: none }, { stroke: colour("alarm-edge"), width: 1.25, dash: [3, 3], points: none }, { stroke: colour("alarm-edge"), width: 1.25, dash: [3, 3], points: none }],
    }, [points.t, points.surprise, level, below], holder);
    charts.set(figure, [top, bottom]);
    note.textContent = HINT;
  }

  function release(figure) {
    for (const chart of charts.get(figure) || []) chart.destroy();
    charts.delete(figure);
  }

  const figures = [...document.querySelectorAll("figure.card")];
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) entry.isIntersecting ? charts.has(entry.target) || draw(entry.target) : release(entry.target);
  }, { rootMargin: "600px 0px" });
  for (const figure of figures) {
    watcher.observe(figure);
    figure.querySelector("details").addEventListener("toggle", (event) => {
      const body = event.target.querySelector("tbody"), points = all[figure.id];
      if (body.rows.length) return;
      body.replaceChildren(...points.t.map((t, i) => {
        const row = document.createElement("tr");
        [`${date(t)} ${clock(t)}`, points.observed[i], points.expected[i], points.lower[i], points.upper[i], points.surprise[i]].forEach((cell, k) => {
          const element = row.insertCell();
          element.textContent = k ? format(cell) : cell;
          if (k) element.className = "num";
        });
        return row;
      }));
    });
    figure.querySelector(".plot").addEventListener("keydown", (event) => {
      const [top] = charts.get(figure) || [], step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!top || !step) return;
      event.preventDefault();
      const next = Math.min(Math.max((top.cursor.idx ?? 0) + step, 0), all[figure.id].t.length - 1);
      top.setCursor({ left: top.valToPos(top.data[0][next], "x"), top: 10 });
    });
  }
  const redraw = () => { for (const figure of [...charts.keys()]) draw(figure); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; redraw(); } });
})();
