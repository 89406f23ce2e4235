/** Look and the little behaviour of a report; both stand inside the file. */

export const style = `
:root { color-scheme: light dark; --ground:#f5f6f8; --card:#fff; --text:#1a1f27; --quiet:#586271; --line:#d6dbe2; --accent:#1f4e96;
  --good:#186a3b; --good-soft:#e5f4ea; --bad:#a81616; --bad-soft:#fdecec; --wait:#7a5200; --wait-soft:#fdf3dc }
@media (prefers-color-scheme: dark) { :root { --ground:#101318; --card:#191e26; --text:#e8ebf0; --quiet:#a3adbb; --line:#2f3743; --accent:#8ab4f8;
  --good:#7fd6a2; --good-soft:#173024; --bad:#ff9c96; --bad-soft:#3b1e1e; --wait:#f2c66d; --wait-soft:#352a14 }
  .curves svg { filter: invert(1) hue-rotate(180deg) } }
* { box-sizing: border-box }
body { margin:0; background:var(--ground); color:var(--text); font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif }
main { max-width:1000px; margin:0 auto; padding:24px 20px 48px }
h1 { margin:0; font-size:1.5rem; line-height:1.2; overflow-wrap:anywhere }
h2 { margin:0 0 12px; font-size:1.1rem }
h3 { margin:16px 0 6px; font-size:.95rem }
p { margin:0 0 8px } code, pre { font:.88em/1.5 ui-monospace,"DejaVu Sans Mono",monospace; overflow-wrap:anywhere }
.quiet { color:var(--quiet) }
section { margin-top:18px; padding:18px 20px 20px; border:1px solid var(--line); border-radius:12px; background:var(--card) }
.verdict { border-width:2px } .verdict h2 { font-size:1.15rem }
.verdict ul { margin:6px 0 0; padding-left:1.2em }
.good { border-color:var(--good); background:var(--good-soft) } .good h2 { color:var(--good) }
.bad { border-color:var(--bad); background:var(--bad-soft) } .bad h2 { color:var(--bad) }
.wait { border-color:var(--wait); background:var(--wait-soft) } .wait h2 { color:var(--wait) }
.figures { display:grid; grid-template-columns:repeat(auto-fill,minmax(150px,1fr)); gap:12px; margin:18px 0 0 }
.figures div { padding:12px 14px; border:1px solid var(--line); border-radius:12px; background:var(--card) }
.figures dt { font-size:.85rem; color:var(--quiet) } .figures dd { margin:0; font-size:1.25rem; font-weight:600; font-variant-numeric:tabular-nums }
.settings { columns:2 380px; column-gap:32px; margin:0 } .settings div { display:flex; gap:14px; padding:4px 0; border-top:1px solid var(--line); break-inside:avoid }
.settings dt, .settings dd { flex:1 1 50%; min-width:0; overflow-wrap:anywhere } .settings dd { margin:0; font-variant-numeric:tabular-nums }
.scroll { overflow-x:auto } .scroll:focus-visible, input:focus-visible, summary:focus-visible { outline:3px solid var(--accent); outline-offset:2px }
.curves svg { display:block; width:100%; min-width:680px; height:auto } .curves svg > rect:first-of-type { fill:transparent }
table { width:100%; border-collapse:collapse; font-variant-numeric:tabular-nums }
th, td { padding:5px 14px 5px 0; border-top:1px solid var(--line); text-align:left; vertical-align:top; overflow-wrap:anywhere }
thead th, thead td { border-top:0 } thead th { color:var(--quiet); font-weight:500; font-size:.88rem } tbody th { width:34%; font-weight:500 }
td.number, th.number { text-align:right; white-space:nowrap; overflow-wrap:normal }
.grid tbody th, .grid th, .grid td { width:auto; white-space:nowrap; overflow-wrap:normal }
.frames figure { margin:0 } .frames img { display:block; max-width:100%; height:auto; border-radius:6px; background:#fff } .frames figcaption { margin-top:6px; color:var(--quiet); font-size:.9rem }
.frames.moving figure:not(.shown) { display:none }
.slider { display:flex; align-items:center; gap:12px; margin-bottom:12px } .slider input { flex:1; height:28px; accent-color:var(--accent) }
.slider[hidden] { display:none }
summary { padding:6px 0; cursor:pointer; font-weight:500 }
footer { margin-top:18px; color:var(--quiet); font-size:.88rem }
@media (max-width:620px) { main { padding:16px 12px 32px } section { padding:14px } tbody th { width:42% } }
@media print { :root { color-scheme:light; --ground:#fff; --card:#fff; --text:#000; --quiet:#444; --line:#bbb; --accent:#1f4e96 } body { font-size:11pt }
  main { max-width:none; padding:0 } section, .figures div { break-inside:avoid } section.long { break-inside:auto } .curves svg { min-width:0; filter:none } .slider { display:none }
  .frames.moving figure:not(.shown):not(.first) { display:none } .frames.moving figure.first { display:block; margin-bottom:12px } }
`;

/** Turns the list of pictures into one that a slider moves through. Without it all stand one below the other. */
export const script = `
for (const frames of document.querySelectorAll(".frames")) {
  const figures = [...frames.querySelectorAll("figure")], slider = frames.previousElementSibling;
  if (figures.length < 2 || !slider) continue;
  const input = slider.querySelector("input"), output = slider.querySelector("output");
  const show = () => { figures.forEach((figure, i) => figure.classList.toggle("shown", i === input.valueAsNumber)); const text = figures[input.valueAsNumber].dataset.when; output.value = text; input.setAttribute("aria-valuetext", text); };
  frames.classList.add("moving"); figures[0].classList.add("first"); slider.hidden = false; input.oninput = show; show();
}
`;
