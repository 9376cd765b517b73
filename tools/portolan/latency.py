# SPDX-License-Identifier: BSD-2-Clause
"""Figures of a benchmark run beside those of other kernels: as text, and as an HTML page with charts."""

import html
import json
import re
from pathlib import Path

from portolan import table
from portolan.machines import ISAS

PEERS = Path(__file__).with_name("peers.json")
OURS = "Portolan"
AXIS_START = 10  # instructions: less than any operation takes

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1c2733}
table{border-collapse:collapse}
td,th{padding:.15rem .9rem;text-align:right}
td:first-child,th:first-child{text-align:left}
tr.ours td{font-weight:600;border-top:1px solid #c5ced8}
tr.peer td{color:#5b6875}
tr.peer td:first-child{padding-left:2rem}
svg{width:100%;height:auto}"""


def load_peers():
    return json.loads(PEERS.read_text(encoding="utf-8"))


def operations(figures):
    """The known operations in their order, then any other key that a guest printed. Only those with a figure."""
    keys = {key for values in figures.values() for key in values}
    known = [operation for operation in load_peers()["operations"] if operation["key"] in keys]
    named = {operation["key"] for operation in known}
    return known + [{"key": key, "title": key, "peers": {}} for key in sorted(keys - named)]


def rows(figures):
    """(title, is_peer, values) for each line of the table; figures: ISA -> key -> value."""
    for operation in operations(figures):
        yield operation["title"], False, [figures.get(isa, {}).get(operation["key"], "-") for isa in ISAS]
        for peer, values in operation["peers"].items():
            yield peer, True, [values.get(isa, "-") for isa in ISAS]


def text(figures):
    """Lines of the table on the terminal."""
    body = [["    " + title if is_peer else title, *values] for title, is_peer, values in rows(figures)]
    return table.render(["instructions, where it does not say bytes", *ISAS], body)


def _chart(kind, title, labels, series):
    """An SVG chart, its axis logarithmic; kind: of pygal; series: name -> values (None: no figure)."""
    import pygal  # only here: every other command does without it
    from pygal.style import Style

    style = Style(background="transparent", plot_background="transparent", font_family="system-ui, sans-serif",
                  value_font_size=11, label_font_size=12, major_label_font_size=12, legend_font_size=12,
                  colors=("#0b6e99", "#d9822b", "#7a8794", "#a33b5c", "#4f8f4f", "#8064a2"))
    largest = max(value for values in series.values() for value in values if value)
    chart = getattr(pygal, kind)(
        style=style, logarithmic=True, title=title, zero=AXIS_START, height=360, legend_at_bottom=True,
        range=(AXIS_START, 2 * largest), disable_xml_declaration=True, print_values=kind == "Bar",
        print_values_position="top", truncate_label=-1, legend_at_bottom_columns=len(series), js=())
    chart.x_labels = labels
    chart.y_labels = [10**power for power in range(1, 7) if 10**power < 2 * largest]
    for name, values in series.items():
        chart.add(name, values)
    # Neither its configuration for scripts nor comments with the date: the same figures give the same page.
    return re.sub(r"<script.*?</script>|<!--.*?-->", "", chart.render(is_unicode=True), flags=re.DOTALL)


def _charts(figures):
    """One chart for each operation that some peer does too."""
    for operation in operations(figures):
        if not operation["peers"]:
            continue
        series = {OURS: [figures.get(isa, {}).get(operation["key"]) for isa in ISAS]}
        for peer, values in operation["peers"].items():
            series[peer] = [values.get(isa) for isa in ISAS]
        yield _chart("Bar", operation["title"], ISAS, series)


def curves(figures):
    """(title, labels, {name: values}) of each curve on each ISA: ours, and each peer that has a point on it."""
    known = load_peers()
    peers_of = {operation["key"]: operation["peers"] for operation in known["operations"]}
    for curve in known["curves"]:
        keys = list(curve["points"].values())
        peers = dict.fromkeys(peer for key in keys for peer in peers_of[key])
        for isa in figures:
            series = {OURS: [figures[isa].get(key) for key in keys]}
            series |= {peer: [peers_of[key].get(peer, {}).get(isa) for key in keys] for peer in peers}
            if any(series[OURS]):
                drawn = {name: values for name, values in series.items() if any(values)}
                yield f"{curve['title']}, {isa}", list(curve["points"]), drawn


def _curve_section(title, labels, series):
    """A curve as a chart and as a table."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in ["", *labels])
    body = ["<tr>" + "".join(f"<td>{html.escape(str(cell or '-'))}</td>" for cell in [name, *values]) + "</tr>"
            for name, values in series.items()]
    return "\n".join([_chart("Line", title, labels, series), f"<table><tr>{head}</tr>", *body, "</table>"])


def page(figures):
    """The HTML page, complete in itself: no script, nothing loaded from elsewhere."""
    peers = load_peers()
    body = []
    for title, is_peer, values in rows(figures):
        cells = "".join(f"<td>{html.escape(str(cell))}</td>" for cell in [title, *values])
        body.append(f'<tr class="{"peer" if is_peer else "ours"}">{cells}</tr>')
    head = "".join(f"<th>{cell}</th>" for cell in ["operation", *ISAS])
    return "\n".join([
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Portolan: latency</title>',
        f"<style>{STYLE}</style></head><body>", "<h1>Latency of Portolan, in instructions</h1>",
        f"<p>{html.escape(peers['method'])} Less is better.</p>",
        *(_curve_section(*curve) for curve in curves(figures)), *_charts(figures),
        f"<table><tr>{head}</tr>", *body, "</table></body></html>\n"])
