// PageStyle: the looks of the HTML page: calm, readable in light and dark, on a phone and on paper.
// Every colour is a variable with one value for light and one for dark; plots use the same ones.
// Not here: the page itself (HTMLReport).

enum PageStyle {
    static let css = """
        :root { color-scheme: light dark;
          --page: #f6f5f2; --surface: #ffffff; --ink: #22272e; --muted: #646c76; --rule: #e3e1db; --track: #efede8;
          --warn: #8a5a00; --warn-surface: #fdf6e3; --warn-rule: #ecdcae; --good: #2f7d4f; --bad: #b3432b;
          --c0: #2b67ad; --c1: #c2572b; --c2: #2f8560; --c3: #7d54a6; --c4: #97771a; --c5: #2b8391; }
        @media (prefers-color-scheme: dark) { :root {
          --page: #15181c; --surface: #1d2126; --ink: #e4e7eb; --muted: #9aa3ad; --rule: #30363d; --track: #272c33;
          --warn: #e8c77a; --warn-surface: #2a2517; --warn-rule: #4b4122; --good: #72c794; --bad: #ee8f79;
          --c0: #6fa9ea; --c1: #ee9165; --c2: #68c297; --c3: #bb98e0; --c4: #d3b353; --c5: #65c2cf; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink);
          font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
          font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%; }
        main { max-width: 1040px; margin: 0 auto; padding: 40px 24px 64px; }
        h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 6px; font-weight: 650; letter-spacing: -0.01em; }
        h2 { font-size: 1.12rem; line-height: 1.3; margin: 0 0 4px; font-weight: 620; }
        h3 { font-size: 0.95rem; margin: 0 0 10px; font-weight: 600; }
        p { margin: 0 0 10px; max-width: 46em; }
        .sub, .hint, figcaption { color: var(--muted); font-size: 0.92rem; }
        header { margin-bottom: 26px; }
        dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 18px 0 0;
          font-size: 0.92rem; }
        dl.facts dt { color: var(--muted); } dl.facts dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
        code { font: 0.9em ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, monospace; }
        section, .card { background: var(--surface); border: 1px solid var(--rule); border-radius: 10px; }
        section { padding: 22px 24px; margin: 0 0 18px; }
        section.bare { background: none; border: 0; padding: 0; }
        .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); gap: 18px; }
        .card { padding: 18px 22px; max-width: 511px; }
        .card .big { font-size: 2rem; line-height: 1.15; font-weight: 640; letter-spacing: -0.02em; }
        .card .big small { font-size: 0.9rem; font-weight: 400; color: var(--muted); letter-spacing: 0; }
        .card h3 { display: flex; gap: 8px; align-items: center; overflow-wrap: anywhere; }
        .card dl { display: grid; grid-template-columns: 1fr auto; gap: 2px 14px; margin: 12px 0 0;
          font-size: 0.92rem; }
        .card dt { color: var(--muted); } .card dd { margin: 0; text-align: right; }
        .card dd .ratio { color: var(--muted); margin-left: 8px; }
        .warnings { background: var(--warn-surface); border-color: var(--warn-rule); }
        .warnings h2 { color: var(--warn); } .warnings ul { margin: 6px 0 0; padding-left: 20px; }
        .warnings li { margin: 3px 0; overflow-wrap: anywhere; }
        .bar-grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr));
          gap: 22px 44px; margin: 16px 0 6px; }
        figure { margin: 0; } details + figure { margin-top: 30px; }
        .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 12px 0 4px; padding: 0;
          font-size: 0.88rem; }
        .legend li { display: inline-flex; align-items: center; gap: 8px; overflow-wrap: anywhere; }
        svg { display: block; max-width: 100%; height: auto; } svg.plot, svg.bars { width: 100%; }
        svg.swatch { flex: none; } svg.narrow { display: none; }
        svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--muted);
          font-variant-numeric: tabular-nums; }
        svg .title { fill: var(--ink); font-size: 12.5px; } svg .note { font-size: 11.5px; fill: var(--ink); }
        svg .name { font-size: 13.5px; fill: var(--ink); } svg .value { font-size: 13.5px; fill: var(--ink);
          font-weight: 600; white-space: pre; }
        .grid { stroke: var(--rule); stroke-width: 1; } .axis, .tick { stroke: var(--muted); stroke-width: 1; }
        .guide { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 4 4; }
        .line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
        .mark { fill: var(--c); stroke: var(--c); stroke-width: 1.4; } .mark.hollow { fill: var(--surface); }
        .bar { fill: var(--c); } .track { fill: var(--track); }
        .whisker { stroke: var(--ink); stroke-width: 1.3; fill: none; opacity: 0.75; }
        .c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); }
        .c3 { --c: var(--c3); } .c4 { --c: var(--c4); } .c5 { --c: var(--c5); }
        details { margin-top: 12px; }
        summary { cursor: pointer; color: var(--muted); font-size: 0.9rem; width: fit-content; }
        summary:hover { color: var(--ink); }
        .scroll { overflow-x: auto; margin-top: 10px; } .scroll:focus-visible { outline: 2px solid var(--c0); }
        table { border-collapse: collapse; width: 100%; font-size: 0.88rem; }
        caption { text-align: left; color: var(--muted); padding: 0 0 6px; }
        th, td { padding: 5px 12px; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
        th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
        th { font-weight: 500; } thead th { color: var(--muted); font-weight: 500; vertical-align: bottom; }
        th.text, td.text { text-align: left; }
        td.text { white-space: normal; min-width: 7em; overflow-wrap: anywhere; }
        tbody tr:last-child th, tbody tr:last-child td { border-bottom: 0; }
        footer { color: var(--muted); font-size: 0.85rem; margin-top: 28px; }
        @media (max-width: 640px) { main { padding: 24px 14px 48px; } section { padding: 18px 16px; }
          h1 { font-size: 1.4rem; } svg.wide { display: none; } svg.narrow { display: block; }
          dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: 8px; } }
        @media print { :root { --page: #fff; --surface: #fff; --ink: #111; --muted: #555; --rule: #ddd; --track: #eee;
            --warn: #5c3c00; --warn-surface: #fff; --warn-rule: #999;
            --c0: #2b67ad; --c1: #c2572b; --c2: #2f8560; --c3: #7d54a6; --c4: #97771a; --c5: #2b8391; }
          body { font-size: 11pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
          main { max-width: none; padding: 0; } .card, figure, tr { break-inside: avoid; }
          svg.wide { display: block; } svg.narrow { display: none; }
          details::details-content { content-visibility: visible; display: block; } }
        """
}
