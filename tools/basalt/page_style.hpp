// How our pages look, by day and by night, on a desk and in a hand; and what a flame graph does when it is clicked at.
#pragma once

namespace basalt::tool {

// The curves' seven colours can be told apart by people who see fewer of them (Okabe and Ito, 2008).
inline constexpr const char* page_style = R"(
:root{color-scheme:light dark;--ink:#222;--paper:#fff;--soft:#666;--line:#ddd;--bar:#0072b2;--c0:#000;--c1:#0072b2;--c2:#d55e00;--c3:#009e73;--c4:#cc79a7;--c5:#b87900;--c6:#3a9bd9}
@media(prefers-color-scheme:dark){:root{--ink:#e4e4e4;--paper:#17191c;--soft:#a5a9ae;--line:#3b3f45;--bar:#3a8fca;--c0:#fff;--c1:#4c8fe0;--c2:#ee7a2b;--c3:#1fbf90;--c4:#d990b8;--c5:#e6a520;--c6:#7cc7f5}}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:var(--ink);background:var(--paper)}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}h1,p{overflow-wrap:anywhere}
table{margin-top:1rem;border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}
td,th{padding:.2rem .5rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
td:first-child,th:first-child{text-align:left;white-space:normal;min-width:7rem;overflow-wrap:anywhere}
.plot{position:relative;height:20rem;margin:1rem 1.6rem 3.2rem 4.6rem}
.plot svg{position:absolute;width:100%;height:100%;overflow:visible}
.plot line,.plot polyline{fill:none;stroke:var(--line);vector-effect:non-scaling-stroke}
.plot polyline{stroke:var(--c);stroke-width:2;stroke-linejoin:round}.plot .thin{stroke-width:1}.again{stroke-dasharray:7 4}
.plot span{position:absolute;font-size:.8rem;line-height:1;white-space:nowrap}
.plot .y{right:100%;margin-right:.4rem;transform:translateY(-50%)}.plot .x{top:100%;margin-top:.4rem;transform:translateX(-50%)}
.plot .name{top:100%;right:0;margin-top:1.6rem;color:var(--soft)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;font-size:.85rem;margin:0}.legend svg{width:1.6rem;height:.5rem;margin-right:.4rem}
.legend line{stroke:var(--c);stroke-width:4}
.bars{display:grid;grid-template-columns:max-content 1fr;gap:.2rem .6rem;align-items:center;font-size:.85rem;line-height:1.2;font-variant-numeric:tabular-nums}
.bars>span{text-align:right}.bars>div{display:flex;align-items:center}
.bars .room{position:relative;flex:none;width:calc((100% - 9.5rem)*var(--w));height:1.1rem}.bars .room i{position:absolute;inset:0 auto 0 0;background:var(--bar)}
.bars .room b{position:absolute;top:50%;height:0;border-top:2px solid var(--ink)}.bars em{flex:none;font-style:normal;padding-left:.5rem}
.flame{position:relative;margin:1rem 0 .3rem;overflow:hidden}
.flame div{position:absolute;height:17px;overflow:hidden;white-space:nowrap;text-overflow:ellipsis;text-indent:3px;font-size:12px;line-height:17px;color:#222;cursor:pointer;box-shadow:inset -1px 0 var(--paper)}
.flame div:hover,.flame div:focus{outline:1px solid var(--ink);outline-offset:-1px;z-index:1}.flame .below{filter:saturate(.4)}
.picked{min-height:1.5em;margin:0;font-size:.85rem;color:var(--soft)}
)";

// A click, or Enter, makes a box as wide as the page; what it stands on stays, and leads back. The arrows go from box to box.
inline constexpr const char* flame_script = R"(
for (const flame of document.querySelectorAll('.flame')) {
  const near = 2e-5;
  const boxes = [...flame.children].map(e => ({e, x: parseFloat(e.style.left), w: parseFloat(e.style.width), y: parseInt(e.style.bottom)}));
  const holds = (a, b) => a.x <= b.x + near && a.x + a.w >= b.x + b.w - near;
  const show = box => {
    for (const o of boxes) {
      const below = o.y < box.y && holds(o, box), shown = below || o === box || (o.y > box.y && holds(box, o));
      o.e.hidden = !shown;
      o.e.className = below ? 'below' : '';
      o.e.style.left = (below ? 0 : 100 * (o.x - box.x) / box.w) + '%';
      o.e.style.width = (below ? 100 : 100 * o.w / box.w) + '%';
    }
    flame.nextElementSibling.textContent = box.e.title;
    box.e.focus();
  };
  const go = (box, key) => {
    const row = boxes.filter(o => !o.e.hidden && o.y === box.y), at = row.indexOf(box);
    return {ArrowLeft: row[at - 1], ArrowRight: row[at + 1], ArrowDown: boxes.find(o => o.y === box.y - 18 && holds(o, box)),
            ArrowUp: boxes.find(o => !o.e.hidden && o.y === box.y + 18 && holds(box, o))}[key];
  };
  for (const box of boxes) {
    box.e.tabIndex = box === boxes[0] ? 0 : -1;
    box.e.onclick = () => show(box);
    box.e.onkeydown = event => {
      const next = go(box, event.key);
      if (next) { flame.nextElementSibling.textContent = next.e.title; next.e.focus({preventScroll: true}); }
      else if (event.key === 'Enter') show(box);
      else if (event.key === 'Escape') show(boxes[0]);
      else return;
      event.preventDefault();
    };
  }
}
)";

}  // namespace basalt::tool
