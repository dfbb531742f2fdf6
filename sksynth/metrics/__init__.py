"""Measures of fidelity, diversity and copying: functions of arrays of signals."""

from sksynth.metrics.classification import (
    classification_accuracy_score,
    classifier_two_sample_score,
    inception_score,
    proportional_labels,
)
from sksynth.metrics.coverage import precision_recall_density_coverage
from sksynth.metrics.distribution import (
    autocorrelation_difference,
    kurtosis_difference,
    marginal_difference,
    maximum_mean_discrepancy,
    skewness_difference,
)
from sksynth.metrics.ecg import limb_lead_error
from sksynth.metrics.envelope import envelope_line
from sksynth.metrics.features import frechet_distance, random_convolution_features
from sksynth.metrics.fidelity import (
    log_spectral_distance,
    nearest_match,
    paired_correlation,
    paired_rmse,
    power_spectrum_distance,
)
from sksynth.metrics.gaba import gaba_fit
from sksynth.metrics.memorisation import (
    copy_fraction,
    membership_inference_auc,
    nearest_neighbor_distance_ratio,
)
from sksynth.metrics.mrs import linewidth, shape_score, spectral_mse, spectral_snr
from sksynth.metrics.neural import (
    band_power,
    curve_length,
    local_metrics,
    root_mean_square,
    teager_energy,
    zero_crossings,
)
from sksynth.metrics.spikes import (
    detect_spikes,
    firing_rate,
    interspike_intervals,
    spike_count,
)

__all__ = [
    "autocorrelation_difference",
    "band_power",
    "classification_accuracy_score",
    "classifier_two_sample_score",
    "copy_fraction",
    "curve_length",
    "detect_spikes",
    "envelope_line",
    "firing_rate",
    "frechet_distance",
    "gaba_fit",
    "inception_score",
    "interspike_intervals",
    "kurtosis_difference",
    "limb_lead_error",
    "linewidth",
    "local_metrics",
    "log_spectral_distance",
    "marginal_difference",
    "maximum_mean_discrepancy",
    "membership_inference_auc",
    "nearest_match",
    "nearest_neighbor_distance_ratio",
    "paired_correlation",
    "paired_rmse",
    "power_spectrum_distance",
    "precision_recall_density_coverage",
    "proportional_labels",
    "random_convolution_features",
    "root_mean_square",
    "shape_score",
    "skewness_difference",
    "spectral_mse",
    "spectral_snr",
    "spike_count",
    "teager_energy",
    "zero_crossings",
]
