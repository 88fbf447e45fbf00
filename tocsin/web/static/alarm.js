// The chart of one alarm, and the notice that it has changed. uPlot is only spoken to here.
"use strict";
(() => {
  const EVERY_MS = 10000;
  const article = document.getElementById("alarm");
  const plot = document.getElementById("plot");
  const note = document.getElementById("chart-note");
  const path = `/api/v1/alarms/${encodeURIComponent(article.dataset.id)}`;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const twoDigits = (number) => String(number).padStart(2, "0");
  const clock = (seconds) => { const d = new Date(seconds * 1000); return `${twoDigits(d.getUTCHours())}:${twoDigits(d.getUTCMinutes())}`; };
  const date = (seconds) => new Date(seconds * 1000).toLocaleDateString("en-GB", { timeZone: "UTC", day: "numeric", month: "short" });
  const format = (value) => value == null ? "–" : value.toLocaleString("en-US", { maximumSignificantDigits: 4 }).replace("-", "−");
  const HINT = "Times in UTC. Drag to zoom, double click to go back.";
  let chart = null;
  let data = null;

  function drawSpans(u) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const span of data.spans) {
      const from = u.valToPos(span.from / 1000, "x", true);
      const to = u.valToPos(span.to / 1000, "x", true);
      const isCalendar = span.kind === "calendar";
      ctx.fillStyle = colour(isCalendar ? "calendar" : "alarm");
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
      ctx.strokeStyle = colour(isCalendar ? "calendar-edge" : "alarm-edge");
      ctx.lineWidth = devicePixelRatio * (isCalendar ? 0.7 : 2);
      ctx.beginPath();
      if (isCalendar) { // hatched: told apart without colour
        ctx.save();
        ctx.rect(from, bbox.top, to - from, bbox.height);
        ctx.clip();
        ctx.beginPath();
        for (let x = from - bbox.height; x < to; x += 14 * devicePixelRatio) { ctx.moveTo(x, bbox.top + bbox.height); ctx.lineTo(x + bbox.height, bbox.top); }
        ctx.globalAlpha = 0.45;
        ctx.stroke();
        ctx.restore();
        ctx.fillStyle = colour("calendar-edge");
        ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
        ctx.textAlign = "left";
        ctx.textBaseline = "top";
        ctx.fillText(span.id, Math.max(from, bbox.left) + 5 * devicePixelRatio, bbox.top + 4 * devicePixelRatio);
      } else {
        ctx.moveTo(from, bbox.top);
        ctx.lineTo(from, bbox.top + bbox.height);
        ctx.stroke();
      }
    }
    ctx.restore();
  }

  function yRange(u, low, high) {
    // From zero where that costs little, so that half the height is half the value.
    if (low == null || high == null) return [0, 1];
    if (low >= 0 && low < 0.7 * high) return [0, high * 1.06];
    const margin = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
    return [low - margin, high + margin];
  }

  function readOut(u) {
    const i = u.cursor.idx;
    note.textContent = i == null || data.t[i] == null ? HINT
      : `${date(data.t[i] / 1000)} ${clock(data.t[i] / 1000)} UTC: observed ${format(data.observed[i])}, expected ${format(data.expected[i])} (normal ${format(data.lower[i])} to ${format(data.upper[i])})`;
  }

  function options() {
    const axis = { stroke: colour("ink"), grid: { stroke: colour("grid"), width: 1 }, ticks: { stroke: colour("grid"), width: 1 } };
    return {
      width: plot.clientWidth,
      height: plot.clientWidth < 560 ? 240 : 320,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      cursor: { y: false, drag: { x: true, y: false } },
      legend: { show: false },
      scales: { x: { time: true }, y: { range: yRange } },
      hooks: { drawClear: [drawSpans], setCursor: [readOut] },
      axes: [
        { ...axis, space: 60, values: (u, splits) => splits.map((s, i) => clock(s) === "00:00" || i === 0 ? `${clock(s)}\n${date(s)}` : clock(s)) },
        { ...axis, size: 56, values: (u, splits) => splits.map(format) },
      ],
      series: [
        {},
        { stroke: "transparent", points: { show: false } },
        { stroke: "transparent", points: { show: false } },
        { stroke: colour("expected"), width: 2, dash: [6, 4], points: { show: false } },
        { stroke: colour("observed"), width: 2, points: { show: false } },
      ],
      bands: [{ series: [1, 2], fill: colour("band") }],
    };
  }

  function draw() {
    if (!data || data.t.length === 0) {
      note.textContent = "No points are kept of this time.";
      plot.hidden = true;
      return;
    }
    plot.hidden = false;
    note.textContent = HINT;
    document.getElementById("key-calendar").hidden = !data.spans.some((span) => span.kind === "calendar");
    if (chart) chart.destroy();
    chart = new uPlot(options(), [data.t.map((t) => t / 1000), data.upper, data.lower, data.expected, data.observed], plot);
    fillNumbers();
  }

  function fillNumbers() {
    const rows = data.t.map((t, i) => [`${date(t / 1000)} ${clock(t / 1000)}`, data.observed[i], data.expected[i], data.lower[i], data.upper[i]]);
    const body = document.querySelector("#numbers tbody");
    body.replaceChildren(...rows.slice(-500).reverse().map((cells) => {
      const row = document.createElement("tr");
      cells.forEach((cell, i) => {
        const element = row.insertCell();
        element.textContent = i ? format(cell) : cell;
        if (i) element.className = "num";
      });
      return row;
    }));
    document.getElementById("numbers").hidden = false;
  }

  async function load() {
    try {
      const answer = await fetch(`${path}/points`, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = await answer.json();
      const isZoomed = chart && data && (chart.scales.x.min > data.t[0] / 1000 || chart.scales.x.max < data.t.at(-1) / 1000);
      if (isZoomed) return;
      data = fresh;
      draw();
    } catch {
      note.textContent = "The points could not be loaded.";
    }
  }

  async function watch() {
    if (document.hidden || article.dataset.state === "resolved") return;
    try {
      const answer = await fetch(path, { cache: "no-store" });
      const body = await answer.json();
      if (answer.ok && (String(body.revision) !== article.dataset.revision || body.state !== article.dataset.state)) {
        document.getElementById("changed").hidden = false;
      }
      await load();
    } catch { /* the next round tells */ }
  }

  let width = 0;
  new ResizeObserver(() => {
    if (plot.clientWidth && plot.clientWidth !== width) { width = plot.clientWidth; if (data) draw(); }
  }).observe(document.getElementById("chart"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  load();
  setInterval(watch, EVERY_MS);
})();
