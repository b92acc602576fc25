"""Tables and figures from records, ours beside the paper's. Notebooks call these functions and hold none of their own.

    report.table1(results)            # a DataFrame
    report.margin_overall(results)    # a matplotlib Figure
    report.margin_caption(results, "a")

All take the finished runs of a profile, `Results`. Nothing here trains: figures redraw from records alone.

style, lines                   the theme, the palette, and parts that several figures share
header                         the lines under a title; the map and the list of profiles of notebook 00
tables, comparisons, sanity    Tables 1-3, paired differences, signs of gradient masking
margins, betas, fluctuation    Figs. 2, 3 and 4
glance                         what each method changes over its base, in one picture
main_results, ablation         class-wise bars (Appendix C.2), Table 1 at a glance; Fig. 5 and Appendix C.3
loop, averages                 margins that settle; averages of one run side by side
contrast                       another data set beside the page's own
one_run, images                one run, epoch by epoch; pictures of images, and what attacked ones are taken for
theory_*                       the pictures of Section 2 (notebook 01 imports them itself)
"""

from cfa_pages.report.ablation import (
    calibrated_values,
    margins_caption,
    sweep,
    sweep_caption,
)
from cfa_pages.report.averages import average_table, average_text
from cfa_pages.report.betas import beta_caption, beta_classes, beta_table, beta_text
from cfa_pages.report.comparisons import (
    comparison_caption,
    comparisons,
    pairs,
)
from cfa_pages.report.contrast import contrast_caption, contrast_table
from cfa_pages.report.fluctuation import (
    change_caption,
    change_table,
    choice_table,
    fairness_gain_text,
    fluctuation,
    fluctuation_caption,
)
from cfa_pages.report.glance import glance, glance_caption
from cfa_pages.report.header import header_text, map_table, profiles_table, runtime_text, theory_header_text
from cfa_pages.report.images import (
    adversarial_grid,
    confusion_caption,
    confusion_map,
    confusion_text,
    image_strip,
)
from cfa_pages.report.loop import moves_table, slope_bars, slope_table
from cfa_pages.report.main_results import (
    class_change_caption,
    class_change_table,
    classwise_bars,
    classwise_caption,
    classwise_text,
    tradeoff,
)
from cfa_pages.report.margins import (
    margin_caption,
    margin_classes,
    margin_overall,
    margin_table,
    margin_text,
    reach_text,
)
from cfa_pages.report.one_run import acceptance_trace, calibration_table, calibration_trace, trace_text
from cfa_pages.report.sanity import ranking, sanity_text
from cfa_pages.report.style import png, styled, use_style
from cfa_pages.report.tables import (
    CALIBRATED,
    PLAIN_RUNS,
    aa_caption,
    aa_table,
    acceptance,
    class_interval_table,
    controls_table,
    never_accepted_text,
    table1,
    table2,
    table3,
    table_caption,
    worst_bias_text,
)

__all__ = [
    "CALIBRATED",
    "PLAIN_RUNS",
    "aa_caption",
    "aa_table",
    "acceptance",
    "acceptance_trace",
    "adversarial_grid",
    "average_table",
    "average_text",
    "beta_caption",
    "beta_classes",
    "beta_table",
    "beta_text",
    "calibrated_values",
    "calibration_table",
    "calibration_trace",
    "change_caption",
    "change_table",
    "choice_table",
    "class_change_caption",
    "class_change_table",
    "class_interval_table",
    "classwise_bars",
    "classwise_caption",
    "classwise_text",
    "comparison_caption",
    "comparisons",
    "confusion_caption",
    "confusion_map",
    "confusion_text",
    "contrast_caption",
    "contrast_table",
    "controls_table",
    "fairness_gain_text",
    "fluctuation",
    "fluctuation_caption",
    "glance",
    "glance_caption",
    "header_text",
    "image_strip",
    "map_table",
    "margin_caption",
    "margin_classes",
    "margin_overall",
    "margin_table",
    "margin_text",
    "margins_caption",
    "moves_table",
    "never_accepted_text",
    "pairs",
    "png",
    "profiles_table",
    "ranking",
    "reach_text",
    "runtime_text",
    "sanity_text",
    "slope_bars",
    "slope_table",
    "styled",
    "sweep",
    "sweep_caption",
    "table1",
    "table2",
    "table3",
    "table_caption",
    "theory_header_text",
    "trace_text",
    "tradeoff",
    "use_style",
    "worst_bias_text",
]
