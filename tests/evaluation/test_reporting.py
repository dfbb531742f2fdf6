import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksynth.datasets import make_ecg
from sksynth.evaluation import report
from sksynth.evaluation._comparison import two_sample_accuracy
from sksynth.metrics import classifier_two_sample_score

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("matplotlib.pyplot")
X, Y = make_ecg(600, n_times=64, noise=0.05, random_state=0)
X = X.astype(np.float32)
X.flags.writeable = False
REAL, OTHER, HELD_OUT = slice(0, 240), slice(240, 420), slice(420, 600)
UNSEEN = {"X_held_out": X[HELD_OUT], "y_held_out": Y[HELD_OUT]}
HELPS, LOOKS, COPIES, COVERS = range(4)  # lines of the verdict


@pytest.fixture(autouse=True, scope="module")
def no_window():
    matplotlib.use("agg")
    before = matplotlib.pyplot.get_fignums()  # of doctests
    yield
    assert matplotlib.pyplot.get_fignums() == before


@pytest.fixture
def no_pictures(monkeypatch):
    """The verdict alone, which is fast."""
    monkeypatch.setattr("sksynth.evaluation.reporting.sections_of", lambda *_: [])


def verdict_on(synthetic, y_synthetic, **parameters):
    parameters = {"y_real": Y[REAL], "random_state": 0, **UNSEEN, **parameters}
    found = report(X[REAL], synthetic, y_synthetic=y_synthetic, **parameters)
    return found.verdict.splitlines()


def test_other_real_rows_are_faithful_no_copies_and_cover(no_pictures):
    lines = verdict_on(X[OTHER], Y[OTHER])
    assert "tells them apart no better than real rows." in lines[LOOKS]
    assert "No sign of it. 0 of 180 synthetic rows equal" in lines[COPIES]
    assert "no less than real rows do." in lines[COVERS]
    assert "Not measured. Give results" in lines[HELPS]


def test_noise_is_unfaithful_and_covers_nothing(no_pictures):
    noise = np.random.default_rng(0).normal(size=(200, *X.shape[1:]))
    lines = verdict_on(noise, Y[:200])
    assert "No: a classifier tells them apart almost always." in lines[LOOKS]
    assert "No sign of it." in lines[COPIES]
    assert "No: they cover less than real rows do. Coverage 0.0" in lines[COVERS]


def test_training_copies_are_flagged_and_their_looks_not_judged(no_pictures):
    lines = verdict_on(X[:180], Y[:180])
    assert "Yes: 180 of 180 synthetic rows equal a training row." in lines[COPIES]
    assert "Not judged: they are too near to the real rows." in lines[LOOKS]
    assert "Not judged" in lines[COVERS]


def test_near_copies_are_flagged_by_the_held_out_rows_alone(no_pictures):
    noise = 0.01 * np.random.default_rng(0).normal(size=(180, *X.shape[1:]))
    lines = verdict_on(X[:180] + noise, Y[:180])
    assert "Signs of it: nearer to training than to held-out rows." in lines[COPIES]
    assert "0 of 180 synthetic rows equal a training row." in lines[COPIES]
    without = {"X_held_out": None, "y_held_out": None}
    lines = verdict_on(X[:180] + noise, Y[:180], **without)
    assert "Near copies not measured: give X_held_out." in lines[COPIES]
    assert "Not judged: they are too near" in lines[LOOKS]


def test_one_beat_a_class_repeats_itself(no_pictures):
    means = {label: X[REAL][Y[REAL] == label].mean(axis=0) for label in set(Y)}
    lines = verdict_on(np.stack([means[label] for label in Y[REAL]]), Y[REAL])
    assert "No: a classifier tells them apart almost always." in lines[LOOKS]
    assert "No: 236 of 240 synthetic rows repeat another one." in lines[COVERS]
    assert "No sign of it." in lines[COPIES]


def test_shuffled_labels_are_seen_within_the_classes(no_pictures):
    shuffled = np.random.default_rng(0).permutation(Y[OTHER])
    lines = verdict_on(X[OTHER], shuffled)
    assert "Not within each class" in lines[LOOKS]
    assert re.search("Told apart within class: .*V", lines[LOOKS])


def test_few_rows_are_not_judged(no_pictures):
    lines = verdict_on(X[OTHER][:12], Y[OTHER][:12])
    assert re.search(r"Not judged: \d+ rows a side are too few", lines[LOOKS])
    assert re.search(r"Not judged: \d+ rows a side are too few", lines[COVERS])


def test_the_sign_is_all_that_differs_from_the_two_sample_score():
    rows = X.reshape(len(X), -1)[:120]
    accuracy = two_sample_accuracy(rows[:60], rows[60:], 7)
    score = classifier_two_sample_score(
        rows[:60],
        rows[60:],
        classifier=make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        cv=StratifiedKFold(5, shuffle=True, random_state=7),
    )
    assert 1 - abs(accuracy - 0.5) / 0.5 == pytest.approx(score)
    assert two_sample_accuracy(rows[:60], rows[:60], 7) < 0.5  # copies


@pytest.fixture(scope="module")
def results():
    runs = {"repeat": 0, "fold": range(4), "n_real": 180, "n_test": 60, "seconds": 1.0}
    noise = np.array([0.0, 0.01, -0.01, 0.02])
    scores = {"balanced_accuracy": noise + 0.8, "recall[V]": noise + 0.7}
    frames = [
        pd.DataFrame(
            {
                "generator": generator,
                "combination": combination,
                "measure": measure,
                "score": score - loss * (1 + noise),
                "n_synthetic": 0 if loss == 0 else 180,
                **runs,
            }
        )
        for generator, combination, loss in (
            ("real only", "TrRTeR", 0),
            ("<b>VAE</b>", "TrRSTeR", 0.1),
        )
        for measure, score in scores.items()
    ]
    return pd.concat(frames)


@pytest.fixture(scope="module")
def full(results):
    return report(
        X[REAL],
        X[OTHER],
        y_real=np.where(Y[REAL] == "F", "<i>F</i>", Y[REAL]),
        y_synthetic=np.where(Y[OTHER] == "F", "<i>F</i>", Y[OTHER]),
        X_held_out=X[HELD_OUT],
        results=results,
        fs=90,
        band=(1, 40),
        channel_names=["<u>II</u>", "$V_1$"],
        title="<script>alert(1)</script>",
        max_rows=160,
        random_state=0,
    )


def test_the_classes_of_the_rows_say_what_chance_is(results, no_pictures):
    guesses = results[results["measure"] == "balanced_accuracy"].copy()
    guesses.loc[guesses["generator"] == "real only", "score"] = 0.25  # four classes
    lines = verdict_on(X[OTHER], Y[OTHER], results=guesses)
    assert "; with real rows alone the classifier hardly does better" in lines[HELPS]
    lines = verdict_on(
        X[OTHER], None, y_real=None, X_held_out=None, y_held_out=None, results=guesses
    )
    assert "hardly does better" not in lines[HELPS]


def test_a_report_repeats_by_seed_and_leaves_no_trace(results):
    state = np.random.get_state()[1].copy()
    style = matplotlib.rcParams.copy()
    pages = []
    for dark in (False, True):  # a style of the user's does not change the page
        with matplotlib.pyplot.style.context("dark_background" if dark else "default"):
            pages.append(report(X[:60], X[60:100], random_state=3).html)
    assert pages[0] == pages[1]
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert matplotlib.rcParams == style


def test_words_of_the_user_are_escaped_on_the_whole_page(full):
    for tag in ("<script", "<i>", "<u>", "<b>"):
        assert tag not in full.html
    for text in ("&lt;script&gt;", "Class &lt;i&gt;F", "&lt;u&gt;II", "&lt;b&gt;VAE"):
        assert text in full.html
    assert "They hurt. <b>VAE</b>: balanced_accuracy 0.805 with" in full.verdict


def test_the_page_holds_what_the_tables_hold(full):
    measures = full.tables["Measures of all rows"]
    assert measures.loc["coverage", "other real half"] > 0.8
    assert f"{measures.loc['coverage', 'synthetic']:.3f}" in full.html
    classes = full.tables["Measures of each class"]
    assert classes.index.tolist() == ["<i>F</i>", "N", "S", "V"]
    assert (classes["rows compared"] == 20).all()  # 160 rows: 80 a half, 4 classes
    assert classes["change of recall, <b>VAE</b>"]["V"] == pytest.approx(-0.1005)
    scores = full.tables["Scores: balanced_accuracy"]
    assert scores["difference"].tolist() == pytest.approx([0, -0.1005])
    copies = full.tables["Measures of copying"]
    assert copies.loc["AUC of a search for training rows", "expected"] == 0.5


def test_signals_spectra_points_and_distances_are_drawn(full):
    alts = re.findall('alt="([^"]*)"', full.html)
    assert [alt.split(":")[0].split(" of ")[0] for alt in alts] == [
        *("Class &lt;i&gt;F&lt;/i&gt;", "Class N", "Class S", "Class V"),
        *("Power spectra", "Power spectra", "PCA", "PCA", "t-SNE", "t-SNE"),
        "Distances",
    ]
    assert len(set(re.findall('src="([^"]*)"', full.html))) == len(alts)


def test_many_classes_and_channels_are_cut_with_a_note(monkeypatch):
    monkeypatch.setattr("sksynth.evaluation._report_sections.MOST_CLASSES", 2)
    monkeypatch.setattr("sksynth.evaluation._report_sections.MOST_CHANNELS", 1)
    y_real = np.array([0] * 10 + [1] * 20 + [2] * 30)
    found = report(X[:60], X[60:120], y_real=y_real, y_synthetic=y_real, random_state=0)
    assert "Shown are the 2 rarest of 3 classes." in found.html
    assert "Shown are the first 1 of 2 channels." in found.html
    assert found.tables["Measures of each class"].index.tolist() == [0, 1]
    assert found.tables["Distance of the mean spectra in dB"].shape == (2, 2)


def test_long_signals_are_drawn_one_by_one_and_from_their_beginning():
    rows = np.random.default_rng(0).normal(size=(12, 1, 600))
    found = report(rows[:6], rows[6:], random_state=0)
    assert "Drawn at random, 1 of each kind, first 500 samples" in found.html
    assert "All rows: 1 real and 1 synthetic signals" in found.html


def test_the_classes_shown_may_have_nothing_to_compare(monkeypatch):
    monkeypatch.setattr("sksynth.evaluation._report_sections.MOST_CLASSES", 1)
    labels = {"y_real": [0] * 2 + [1] * 18, "y_synthetic": [1] * 20}
    found = report(X[:20], X[20:40], random_state=0, **labels)
    assert "Too few rows to draw." in found.html


def test_a_class_may_lack_on_one_side_and_rows_may_be_flat():
    flat = np.asarray(X[:, 0])
    found = report(
        flat[:60],
        flat[60:80],
        y_real=np.repeat(["a", "b", "c"], 20),
        y_synthetic=np.repeat(["b", "d"], 10),
        random_state=0,
    )
    classes = found.tables["Measures of each class"]
    assert classes["synthetic rows"].to_dict() == {"a": 0, "b": 10, "c": 0}
    assert classes["rows compared"].to_dict() == {"a": 0, "b": 10, "c": 0}
    assert "Not measured: give X_held_out." in found.html


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"X_real": X[:3]}, "X_real must have n_samples >= 4"),
        ({"X_synthetic": X[:9, :1]}, r"channels and times of X_real, \(2, 64\)"),
        ({"X_held_out": X[:9, :, 1:]}, "X_held_out must have the channels and times"),
        (
            {"X_synthetic": X[:9] + 1j},
            r"^X_synthetic must be real; got complex numbers of shape \(9, 2, 64\): "
            r"give real and imaginary parts as channels, np.concatenate\(.* axis=1\)$",
        ),
        ({"X_real": X[:9, 0] + 1j}, r"X_real must be real.*np.stack.*axis=1\)$"),
        ({"y_real": Y[:20]}, "both or neither"),
        ({"y_held_out": Y[:20]}, "y_held_out needs X_held_out"),
        ({"y_real": Y[:20], "y_synthetic": ["x"] * 20}, "share too few rows"),
        ({"y_real": [0.5] * 20, "y_synthetic": [0.5] * 20}, "got measurements"),
        ({"y_real": Y[:19], "y_synthetic": Y[:20]}, "inconsistent numbers"),
        ({"fs": 0}, "fs must be finite and above 0; got 0"),
        ({"fs": 10, "band": (1, 6)}, "band must satisfy"),
        ({"channel_names": ["I"]}, r"must hold 2 names, one a channel; got \['I'\]"),
        ({"max_rows": 3}, "max_rows must be at least 4; got 3"),
        ({"results": pd.DataFrame({"score": [1]})}, "results lack the columns"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(parameters, message, monkeypatch):
    monkeypatch.setattr("sksynth.evaluation.reporting.compare_rows", None)
    arguments = {"X_real": X[:20], "X_synthetic": X[20:40], **parameters}
    with pytest.raises(ValueError, match=message):
        report(**arguments)


def test_held_out_rows_of_other_classes_are_refused():
    labels = {"y_real": [0] * 20, "y_synthetic": [0] * 20, "y_held_out": [1] * 20}
    with pytest.raises(ValueError, match="y_held_out shares 0 rows with the classes"):
        report(X[:20], X[20:40], X_held_out=X[40:60], **labels)


def test_classes_without_synthetic_or_held_out_rows_are_named():
    real, labels = X[REAL], Y[REAL]
    shown = np.isin(Y[OTHER], ["N", "S"])
    found = report(
        real,
        X[OTHER][shown],
        y_real=labels,
        y_synthetic=Y[OTHER][shown],
        X_held_out=X[HELD_OUT][Y[HELD_OUT] == "N"],
        y_held_out=Y[HELD_OUT][Y[HELD_OUT] == "N"],
        random_state=0,
    )
    lines = found.verdict.splitlines()
    assert "No: there is no synthetic row of F, V." in lines[COVERS]
    assert "Not searched, for none is held out: S." in lines[COPIES]


def test_labels_may_be_true_and_false():
    is_ectopic = np.isin(Y, ["V", "F"])
    found = report(
        X[REAL],
        X[OTHER],
        y_real=is_ectopic[REAL],
        y_synthetic=is_ectopic[OTHER],
        random_state=0,
    )
    assert found.tables["Measures of each class"].index.tolist() == [False, True]


def test_a_channel_that_is_constant_but_for_its_rounding_says_nothing():
    flat = np.full((len(X), 1, X.shape[2]), 0.3)
    real = np.concatenate([X, flat], axis=1)
    moved = np.concatenate([X, flat + 1e-12], axis=1)
    found = report(real[REAL], moved[OTHER], random_state=0)
    assert found.tables["Measures of all rows"].loc["coverage", "synthetic"] > 0.8
