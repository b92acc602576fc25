"""Tables and figures from records, ours beside the paper's. Notebooks call these functions and hold none of their own.

    report.table1(results)            # a DataFrame
    report.margin_overall(results)    # a matplotlib Figure

All take the finished runs of a profile, `Results`. Nothing here trains: figures redraw from records alone.

style, lines                   the theme, the palette, and parts that several figures share
header                         what a page rests on; the map and the list of profiles
tables, comparisons, sanity    Tables 1-3, paired differences, checks of the attacks
studies, fluctuation           Figs. 2, 3 and 4
forest                         all claims, and what methods change over their base: dots with intervals
main_results, ablation         class-wise bars (Appendix C.2), Table 1 at a glance; Fig. 5, App. C.3, Eq. 6 as a loop
averages                       what averages accepted; averages of one run side by side
fair                           FAT and FRL beside CFA; difficulty of classes and of single images
one_run, images                one run, step by step; pictures of images, and what attacked ones are taken for
walk                           PGD in its box
theory_*                       the pictures of Section 2 (notebook 01 imports them itself)
"""

from cfa_pages.report.ablation import calibrated_values, moves_table, own_slopes, slope_bars, sweep, sweep_values
from cfa_pages.report.averages import CALIBRATED, PLAIN_RUNS, acceptance, average_table
from cfa_pages.report.comparisons import (
    comparison_caption,
    comparisons,
    contrast_caption,
    contrast_table,
    difference_text,
    pairs,
)
from cfa_pages.report.fair import (
    OVER_AT,
    WITH_CFA,
    ccm_margins,
    change_dots,
    difficulty_bars,
    difficulty_shares,
    frl_trace,
    frl_values,
    opposite_margins,
    steps_bars,
)
from cfa_pages.report.fluctuation import change_caption, change_table, choice_picture, choices, fluctuation
from cfa_pages.report.forest import PARTS, claims_picture, differences_picture, headline_picture
from cfa_pages.report.header import header_text, map_table, profiles_table, runtime_text
from cfa_pages.report.images import adversarial_grid, confusion_caption, confusion_map, defence_grid
from cfa_pages.report.main_results import classwise_bars, tradeoff
from cfa_pages.report.one_run import (
    acceptance_trace,
    algorithm_beside,
    calibration_table,
    last_worst,
    listing,
    margin_trace,
    refused,
    strictest_run,
)
from cfa_pages.report.sanity import attack_checks
from cfa_pages.report.studies import beta_classes, beta_table, margin_classes, margin_overall, margin_table
from cfa_pages.report.style import png, styled, svg, use_style
from cfa_pages.report.tables import (
    aa_caption,
    aa_table,
    class_interval_table,
    controls_table,
    table1,
    table2,
    table3,
    table_caption,
)
from cfa_pages.report.walk import pgd_in_the_box
from cfa_pages.results.runs import evaluations
