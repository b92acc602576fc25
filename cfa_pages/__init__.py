"""From records to pages: theory, results, claims, figures, the notebook runner. It may import `cfa_nb`."""

import cfa_nb  # noqa: F401  # fixes the level of torch's CPU kernels before anything computes
