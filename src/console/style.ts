/** The page's style sheet: the system's font, light and dark, readable at arm's length. */
export const style = `
:root { color-scheme: light dark; --bg: #f4f5f7; --card: #fff; --text: #14181f; --dim: #5a6472;
  --line: #d9dde3; --good: #12773d; --warn: #9a5b00; --bad: #b3131f; --ink: #fff; }
@media (prefers-color-scheme: dark) { :root { --bg: #0e1116; --card: #171b22; --text: #e8ebf0;
  --dim: #98a2b0; --line: #2c333d; --good: #43c47e; --warn: #f0a93b; --bad: #ff6b6b; --ink: #10131a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--bg); color: var(--text);
  font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; }
h1 { font-size: 1.3rem; margin: 0; } h2 { font-size: 1.25rem; margin: 0; overflow-wrap: anywhere; }
h3 { font-size: .8rem; margin: 1rem 0 .25rem; color: var(--dim); font-weight: 600; }
.dim { color: var(--dim); } .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.verdict { margin: .75rem 0; padding: .6rem .9rem; border-radius: .5rem; font-size: 1.15rem; font-weight: 600;
  color: var(--ink); background: var(--good); }
.verdict.warn { background: var(--warn); color: var(--ink); } .verdict.bad { background: var(--bad); color: var(--ink); }
.verdict.none { background: var(--line); color: var(--text); }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem;
  margin: 0 0 1rem; }
.title { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; }
.badge { font-size: .8rem; font-weight: 700; padding: .1rem .55rem; border-radius: 1rem; border: 2px solid currentColor; }
.alerts { list-style: none; margin: .75rem 0 0; padding: 0; }
.alerts li { padding: .3rem .7rem; margin: .25rem 0; border-left: .35rem solid currentColor; font-weight: 600;
  overflow-wrap: anywhere; } .alerts li.loud { background: var(--bad); color: var(--ink); font-size: 1.15rem; }
small span { display: block; white-space: nowrap; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1rem 0 0; }
dl.facts div { min-width: 0; } dt { font-size: .8rem; color: var(--dim); } dd { margin: 0; font-size: 1.25rem;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; } dd small { font-size: .85rem; color: var(--dim); }
.texts { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 0 1.5rem; }
.texts p { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; } td, th { text-align: left; padding: .2rem .75rem .2rem 0;
  vertical-align: top; border-top: 1px solid var(--line); } td.long { overflow-wrap: anywhere; } th { white-space: nowrap; font-weight: 600; color: var(--dim);
  border: 0; font-size: .8rem; }
td.num { font-variant-numeric: tabular-nums; white-space: nowrap; }
code { font: .92em ui-monospace, "SF Mono", Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
a { color: inherit; } ol { margin: 0; padding: 0; list-style: none; font-size: .95rem; }
.empty { text-align: center; padding: 2.5rem 1rem; } .empty p { margin: .4rem 0; }
`;
