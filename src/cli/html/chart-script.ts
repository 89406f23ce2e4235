/** What a chart in a report does, as the text of a script: it stands inside the file and needs nothing else. */

export const chartStyle = `
.chart .bar { display:flex; flex-wrap:wrap; align-items:center; gap:8px; margin-bottom:8px }
.chart select, .chart button { min-height:32px; padding:3px 10px; border:1px solid var(--line); border-radius:8px; background:var(--ground); color:var(--text); font:inherit; cursor:pointer }
.chart .plot { touch-action:pan-y; cursor:crosshair } .chart .plot:focus-visible, .chart select:focus-visible, .chart button:focus-visible { outline:3px solid var(--accent); outline-offset:2px }
.chart svg { display:block; width:100%; height:auto; user-select:none } .chart svg text { fill:var(--quiet); font-size:13px } .chart .grid { stroke:var(--line) }
.chart .at { stroke:var(--quiet); stroke-dasharray:3 3 } .chart .range { fill:var(--accent); opacity:.18 } .chart .line { fill:none; stroke-width:2 }
.chart output { display:block; min-height:3em; margin-top:8px; font-variant-numeric:tabular-nums } .chart output i { display:inline-block; width:18px; height:0; margin:0 5px 4px 12px; border-top:3px solid }
.chart { --c0:#1f4e96; --c1:#c2570c; --c2:#1b7f4b; --c3:#8a3ab9; --c4:#b3261e; --c5:#5f6b7a }
@media (prefers-color-scheme: dark) { .chart { --c0:#8ab4f8; --c1:#f6a65a; --c2:#7fd6a2; --c3:#d2a0f5; --c4:#ff9c96; --c5:#a3adbb } }
@media print { .chart { display:none } }
`;

export const chartScript = `
for (const chart of document.querySelectorAll(".chart")) {
  const panels = JSON.parse(chart.querySelector("script").textContent), plot = chart.querySelector(".plot"), svg = plot.firstElementChild;
  const select = chart.querySelector("select"), output = chart.querySelector("output"), H = 320, L = 74, R = 14, T = 10, B = 30;
  const dashes = ["", "7 4", "2 3", "9 3 2 3"];
  let panel, steps, from, to, at, drag, W;
  const shown = (v) => panel.isShare ? (100 * v).toFixed(1) + " %" : v !== 0 && Math.abs(v) < 1e-3 ? Number(v.toPrecision(3)).toExponential() : String(Number(v.toPrecision(4)));
  const x = (step) => L + (step - from) / (to - from) * (W - L - R);
  const stepAt = (event) => { const box = svg.getBoundingClientRect(); return from + ((event.clientX - box.left) / box.width * W - L) / (W - L - R) * (to - from); };
  const nearest = (points, step) => { let low = 0, high = points.length - 1; while (high - low > 1) { const middle = (low + high) >> 1; if (points[middle][0] <= step) low = middle; else high = middle; } return step - points[low][0] <= points[high][0] - step ? low : high; };
  const make = (name, attributes, text) => { const element = document.createElementNS(svg.namespaceURI, name); for (const key in attributes) element.setAttribute(key, attributes[key]); if (text) element.textContent = text; svg.append(element); return element; };
  const ticks = (low, high, count, least) => { const rough = (high - low) / count, ten = 10 ** Math.floor(Math.log10(rough)); const by = Math.max(least, [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= rough)); const all = []; for (let i = Math.ceil(low / by - 1e-9); i * by <= high + by * 1e-9; i++) all.push(i * by); return all; };
  const draw = () => {
    svg.replaceChildren();
    W = Math.max(300, plot.clientWidth); // letters keep their size on a phone
    svg.setAttribute("viewBox", "0 0 " + W + " " + H);
    const seen = panel.lines.flatMap(({ points }) => points.filter(([step]) => step >= from && step <= to).map(([, value]) => value));
    if (seen.length === 0) for (const { points } of panel.lines) seen.push(points[nearest(points, (from + to) / 2)][1]);
    let low = seen.reduce((a, b) => Math.min(a, b)), high = seen.reduce((a, b) => Math.max(a, b));
    const log = low > 0 && high / low > 100, scale = log ? Math.log10 : (v) => v;
    const room = (scale(high) - scale(low)) * 0.05 || Math.abs(scale(high)) * 0.05 || 1;
    low = scale(low) - room; high = scale(high) + room;
    const y = (value) => H - B - (scale(value) - low) / (high - low) * (H - T - B);
    for (const step of ticks(from, to, W / 110, 1)) { make("line", { class: "grid", x1: x(step), x2: x(step), y1: T, y2: H - B }); make("text", { x: x(step), y: H - B + 19, "text-anchor": "middle" }, step.toLocaleString("en-US")); }
    const levels = log ? ticks(low, high, 5, 1).map((power) => 10 ** power) : ticks(low, high, 5, 0);
    for (const level of levels) { make("line", { class: "grid", x1: L, x2: W - R, y1: y(level), y2: y(level) }); make("text", { x: L - 8, y: y(level) + 4, "text-anchor": "end" }, shown(level)); }
    const area = make("clipPath", { id: "plot-area" });
    area.append(make("rect", { x: L, y: T, width: W - L - R, height: H - T - B }));
    panel.lines.forEach(({ points }, i) => {
      const first = Math.max(0, points.findIndex(([step]) => step >= from) - 1), end = points.findIndex(([step]) => step > to);
      const part = points.slice(first, end < 0 ? points.length : end + 1), place = part.map(([step, value]) => x(step).toFixed(1) + "," + y(value).toFixed(1));
      const colour = "var(--c" + i % 6 + ")";
      make("polyline", { class: "line", points: place.join(" "), style: "stroke:" + colour, "clip-path": "url(#plot-area)", "stroke-dasharray": dashes[Math.floor(i / 6) % 4] });
      if (part.length <= 40) for (const [step, value] of part) if (step >= from && step <= to) make("circle", { cx: x(step), cy: y(value), r: 3, style: "fill:" + colour });
    });
    const step = steps[at];
    if (step >= from && step <= to) {
      make("line", { class: "at", x1: x(step), x2: x(step), y1: T, y2: H - B });
      panel.lines.forEach(({ points }, i) => { const [own, value] = points[nearest(points, step)]; if (own >= from && own <= to) make("circle", { cx: x(own), cy: y(value), r: 5, style: "fill:var(--c" + i % 6 + ")" }); });
    }
    if (drag && Math.abs(drag.to - drag.from) > 0) { const [a, b] = [drag.from, drag.to].sort((p, q) => p - q).map((s) => x(Math.min(to, Math.max(from, s)))); make("rect", { class: "range", x: a, width: b - a, y: T, height: H - T - B }); }
  };
  const read = () => {
    const step = steps[at];
    const values = panel.lines.map(({ name, points }, i) => { const [own, value] = points[nearest(points, step)]; return { i, text: (panel.lines.length > 1 || name !== panel.title ? name + " " : "") + shown(value) + (own === step ? "" : " (step " + own.toLocaleString("en-US") + ")") }; });
    const head = "step " + step.toLocaleString("en-US") + ": ";
    output.replaceChildren(head);
    for (const { i, text } of values) { const key = document.createElement("i"); key.style.borderColor = "var(--c" + i % 6 + ")"; output.append(key, text); }
    plot.setAttribute("aria-valuenow", step); plot.setAttribute("aria-valuetext", head + values.map(({ text }) => text).join(", "));
    draw();
  };
  const move = (index) => { at = Math.max(0, Math.min(steps.length - 1, index)); const step = steps[at], width = to - from; if (step < from) { from = step; to = step + width; } else if (step > to) { to = step; from = step - width; } read(); };
  const moveTo = (step) => move(nearest(steps.map((one) => [one]), Math.max(from, Math.min(to, step))));
  const least = () => Math.min(2, steps.at(-1) - steps[0] || 2);
  const zoomTo = (low, high) => { const first = steps[0], last = Math.max(first + 1, steps.at(-1)), width = Math.min(last - first, Math.max(least(), high - low)); from = Math.max(first, Math.min(low, last - width)); to = from + width; if (steps[at] < from || steps[at] > to) moveTo((from + to) / 2); else read(); };
  const zoom = { in: () => zoomTo(steps[at] - (to - from) / 4, steps[at] + (to - from) / 4), out: () => zoomTo(steps[at] - (to - from), steps[at] + (to - from)), all: () => zoomTo(steps[0], steps.at(-1)) };
  const choose = () => {
    panel = panels[select.value];
    steps = [...new Set(panel.lines.flatMap(({ points }) => points.map(([step]) => step)))].sort((a, b) => a - b);
    at = steps.length - 1; plot.setAttribute("aria-valuemin", steps[0]); plot.setAttribute("aria-valuemax", steps.at(-1)); zoom.all();
  };
  const leap = () => Math.max(1, Math.round(steps.filter((step) => step >= from && step <= to).length / 10));
  const keys = { ArrowLeft: () => move(at - 1), ArrowDown: () => move(at - 1), ArrowRight: () => move(at + 1), ArrowUp: () => move(at + 1), PageDown: () => move(at - leap()), PageUp: () => move(at + leap()), Home: () => move(0), End: () => move(steps.length - 1), "+": zoom.in, "=": zoom.in, "-": zoom.out, 0: zoom.all };
  plot.onkeydown = (event) => { const act = keys[event.key]; if (!act || event.ctrlKey || event.metaKey || event.altKey) return; event.preventDefault(); act(); };
  plot.onpointerdown = (event) => { if (event.button !== 0) return; const step = stepAt(event); drag = { from: step, to: step, x: event.clientX }; plot.setPointerCapture(event.pointerId); };
  plot.onpointermove = (event) => { const step = stepAt(event); if (drag) drag.to = step; moveTo(step); };
  plot.onpointerup = (event) => { const range = drag; drag = null; if (range && Math.abs(event.clientX - range.x) > 6) zoomTo(Math.min(range.from, range.to), Math.max(range.from, range.to)); else read(); };
  plot.onpointercancel = () => { drag = null; read(); };
  for (const button of chart.querySelectorAll("button")) button.onclick = () => zoom[button.dataset.zoom]();
  select.onchange = choose; chart.hidden = false; choose(); addEventListener("resize", draw);
}
`;
