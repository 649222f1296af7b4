// How the report looks: dark ink on white, one type family, numbers in tabular figures; nothing is loaded from anywhere.

export const STYLE = `
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: #1c2733; font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 36px 40px 48px; }
h1 { font-size: 32px; line-height: 1.2; letter-spacing: -0.01em; margin: 0 0 6px; }
h2 { font-size: 18px; margin: 38px 0 10px; }
.sub { color: #5f6f80; margin: 0; max-width: 900px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: 14px; margin: 24px 0 0; }
.tile { border: 1px solid #dde4eb; border-top: 3px solid #2f6db5; border-radius: 6px; padding: 12px 16px 14px; }
.tile b { display: block; font-size: 30px; line-height: 1.2; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
.tile span { color: #5f6f80; font-size: 14px; line-height: 1.35; display: block; margin-top: 4px; }
.alarm { background: #fdeceb; border-left: 4px solid #cf3434; padding: 10px 14px; margin: 20px 0 0; }
.key { margin: 0 0 8px; color: #5f6f80; font-size: 14px; }
.key span { margin-right: 20px; white-space: nowrap; }
.key i { display: inline-block; width: 13px; height: 13px; border-radius: 2px; margin-right: 7px; vertical-align: -1px; }
.key i.triangle { width: 0; height: 0; border-radius: 0; border: 5px solid transparent; border-top: 8px solid #1c2733; vertical-align: -6px; }
svg { width: 100%; height: auto; display: block; font-family: inherit; }
svg text { fill: #1c2733; }
.chart .number { font-size: 12px; text-anchor: middle; fill: #5f6f80; }
.chart .phase { font-size: 15px; font-weight: 650; text-anchor: middle; }
.chart .row { font-size: 15px; font-weight: 650; text-anchor: end; }
.chart .rowsub { font-size: 12.5px; text-anchor: end; fill: #5f6f80; }
.chart .tick, .picture .tick { font-size: 12px; text-anchor: middle; fill: #5f6f80; }
.chart .end { text-anchor: end; }
.chart .start, .picture .start { text-anchor: start; }
.chart .bad { font-size: 12.5px; fill: #cf3434; font-weight: 600; }
.chart .grid { stroke: #dde4eb; }
.chart .frame { fill: none; stroke: #c9d2dc; }
.chart .mark { stroke: #33424f; stroke-dasharray: 3 3; stroke-width: 1; }
.chart .decision { fill: #1c2733; }
.chart .response { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.picture .link { stroke: #b4c0cc; stroke-width: 1.6; }
.picture .way { fill: none; stroke-width: 4; stroke-linejoin: round; stroke-linecap: round; }
.picture .dashed { stroke-dasharray: 2 9; }
.picture .delay { font-size: 12.5px; text-anchor: middle; fill: #5f6f80; paint-order: stroke; stroke: #fff; stroke-width: 6px; stroke-linejoin: round; }
.picture .node { font-size: 15px; font-weight: 650; text-anchor: middle; }
.picture .light { fill: #fff; }
.picture .site { font-size: 12px; text-anchor: middle; fill: #5f6f80; paint-order: stroke; stroke: #fff; stroke-width: 4px; }
.story { margin: 12px 0 0; padding-left: 22px; columns: 2; column-gap: 40px; font-size: 14px; }
.story li { break-inside: avoid; padding: 1px 0; }
.story em { color: #5f6f80; font-style: normal; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: #5f6f80; font-size: 12.5px; line-height: 1.25; vertical-align: bottom; padding: 4px 14px 6px 0; border-bottom: 1.5px solid #33424f; }
td { padding: 5px 14px 5px 0; border-bottom: 1px solid #e6ebf0; white-space: nowrap; }
.numbers th:not(:first-child), .numbers td:not(:first-child) { text-align: right; padding: 5px 0 5px 14px; }
code { font: 13px/1.4 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; }
.soft { color: #8a97a5; }
.bad { color: #cf3434; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(430px, 1fr)); gap: 0 48px; }
.claims { list-style: none; padding: 0; margin: 0; font-size: 14px; }
.claims li { padding: 5px 0 5px 26px; border-bottom: 1px solid #e6ebf0; position: relative; }
.claims b { font-weight: 550; display: block; }
.claims span { color: #5f6f80; }
.claims li::before { position: absolute; left: 2px; font-weight: 700; }
.claims .held::before { content: "\\2713"; color: #2c9c78; }
.claims .fell::before { content: "\\2717"; color: #cf3434; }
.claims .fell span { color: #cf3434; }
.note { color: #5f6f80; font-size: 13px; margin: 8px 0 0; }
footer { margin-top: 34px; color: #5f6f80; font-size: 13px; }
@media print { main { padding: 0; max-width: none; } section { break-inside: avoid; } }
`;
