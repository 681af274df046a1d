"""Reading results.csv of many runs at once: right, or named in one line, never another number."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_runs import made

from modrobust.report.read.results import TYPES, read
from modrobust.report.read.spreadsheet import COLUMNS


def changed(folder: Path, change: object) -> Path:
    """A run with two rows, whose file is rewritten as some program might do it."""
    run = made(folder, {"Identity": 98.5, "A": 90.25})
    table = pd.read_csv(run / "results.csv")[list(COLUMNS)]
    table.to_csv(run / "results.csv", index=False)
    text = (run / "results.csv").read_text()
    content = change(text) if callable(change) else change
    (run / "results.csv").write_bytes(content if isinstance(content, bytes) else str(content).encode())
    return run


def test_rows_of_all_runs_with_their_folder_and_types(tmp_path: Path) -> None:
    runs = [made(tmp_path / name, {"Identity": 99, "A": 90}, seed) for seed, name in enumerate("ab")]
    rows, unread = read(runs)
    assert rows["run"].tolist() == [str(run) for run in runs for _ in range(2)] and unread == {}
    assert rows["seed"].tolist() == [0, 0, 1, 1]
    assert list(rows.columns) == [*TYPES, "run"]
    assert (rows["seed"].dtype, rows["accuracy"].dtype) == (np.int64, np.float64)


def test_a_loss_that_is_no_number_and_names_that_look_like_none(tmp_path: Path) -> None:
    run = made(tmp_path / "a", {"A": 90}, method="null")
    text = (run / "results.csv").read_text()
    (run / "results.csv").write_text(text.replace("0.5", ""))
    rows, _ = read([run])
    assert rows["method"].tolist() == ["null"] and np.isnan(rows["loss"][0])


def german(text: str) -> str:
    return text.replace(",", ";").replace(".", ",")


def shuffled(text: str) -> str:
    lines = [line.split(",") for line in text.splitlines()]
    return "".join(",".join(["note", *line[::-1], ""]) + "\n" for line in lines)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.encode("utf-8-sig"),
        lambda text: german(text).encode("utf-8-sig"),
        lambda text: "sep=;\r\n" + german(text).replace("\n", "\r\n"),
        lambda text: text.replace(",", "\t").encode("utf-16"),
        lambda text: (
            "\n".join(",".join(f'"{field}"' for field in line.split(",")) for line in text.splitlines()) + "\n"
        ),
        lambda text: text.replace(",0,", ",0.0,"),
        lambda text: text.replace("\n", ",,\n") + ",,,,,,,,,,,,\n\n",
        shuffled,
    ],
)
def test_what_other_programs_write_is_read_right(tmp_path: Path, change: object) -> None:
    rows, unread = read([changed(tmp_path / "a", change)])
    assert unread == {}
    assert rows["composition"].tolist() == ["Identity", "A"] and rows["n_corruptions"].tolist() == [0, 1]
    assert rows["accuracy"].tolist() == [98.5, 90.25] and rows["loss"].tolist() == [0.5, 0.5]
    assert rows["seed"].tolist() == [0, 0] and rows["n_images"].tolist() == [50, 50]
    kinds = {name: str(kind).replace("object", "str") for name, kind in rows.dtypes.items()}  # of pandas before 3
    assert {name: kinds[name] for name in TYPES} == TYPES


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        (lambda text: text.splitlines()[0] + "\n", "it has no rows"),
        (lambda text: text[:-2], "its last line has no end, so it may have been cut within a number"),
        (lambda text: text + text.splitlines()[1][:24] + "\n", "line 4 has 3 values for 11 columns"),
        (lambda text: text.replace("98.5", "98,5"), "line 2 has 12 values for 11 columns"),
        (lambda text: text.replace("98.5", '"98,5"'), "line 2: accuracy is '98,5', no number"),
        (lambda text: text.replace("98.5", "98.5%"), "line 2: accuracy is '98.5%', no number"),
        (lambda text: text.replace("98.5", "05. Aug"), "line 2: accuracy is '05. Aug', no number"),
        (lambda text: german(text).replace("50;", "1.000;"), "n_images is '1.000', no whole number"),
        (lambda text: german(text).replace("0,5;", "1.234;"), "no number"),
        (
            lambda text: text.replace("98.5", "985"),
            "Identity (test, seed 0, variant default) has the accuracy 985 %",
        ),
        (lambda text: text.replace("98.5", "-1"), "has the accuracy -1 %"),
        (lambda text: text.replace("98.5", ""), "line 2: accuracy is '', no number"),
        (lambda text: text.replace("98.5", "nan"), "line 2: accuracy is 'nan', no number"),
        (lambda text: text.replace("0.5,98.5", "-0.5,98.5"), "has the loss -0.5, which is never below 0"),
        (lambda text: text.replace(",0,test", ",3.8E+07,test"), "line 2: seed is '3.8E+07', no whole number"),
        (lambda text: text.replace(",0,test", f",{10**20},test"), "a whole number is too large"),
        (lambda text: text.replace("50,0.5,98", "51,0.5,98"), "its rows differ in n_images"),
        (lambda text: text.replace("cnn,0,test,A", "cnn,1,test,A"), "its rows differ in seed"),
        (lambda text: text.replace("A,1,", "A,2,"), "has n_corruptions 2"),
        (lambda text: text.replace("Identity,0", "A,1"), "A (test, seed 0, variant default) is there twice"),
        (lambda text: text.replace("small_cnn,0,test,A", "small_dnn,0,test,A"), "its rows differ in model"),
        (lambda text: text.replace("digits,", ",", 1), "a row has no dataset"),
        (lambda text: text.replace("loss", "accuracy"), "it has the column accuracy twice"),
        (lambda text: text.replace("loss", "Verlust"), "it has no column loss"),
        (lambda text: text.split("\n", 1)[1], "it has no column dataset, method, "),
        (lambda text: text.replace("Identity", '"Identity'), "its quotes do not match"),
        (lambda text: text[:150] + "\0" * 80, "it holds zero bytes"),
        (b"PK\x03\x04\xff\xfe", "it is no text in UTF-8"),
    ],
)
def test_a_damaged_file_is_named_and_the_others_are_read(tmp_path: Path, change: object, reason: str) -> None:
    good = made(tmp_path / "good", {"A": 90}, 1)
    run = changed(tmp_path / "bad", change)
    rows, unread = read([good, run])
    assert rows["run"].tolist() == [str(good)] and list(unread) == [run]
    assert unread[run].startswith(f"{run}/results.csv cannot be read: ") and "\n" not in unread[run]
    assert reason in unread[run]


def test_the_one_of_many_with_a_bad_value_is_named(tmp_path: Path) -> None:
    runs = [
        changed(tmp_path / str(i), lambda text, i=i: text.replace("98.5", "ninety" if i == 3 else "9"))
        for i in range(6)
    ]
    rows, unread = read(runs)
    assert unread == {runs[3]: f"{runs[3]}/results.csv cannot be read: line 2: accuracy is 'ninety', no number"}
    assert rows["run"].nunique() == 5


def test_a_file_that_lost_whole_lines_is_named(tmp_path: Path) -> None:
    run = made(tmp_path / "a", {"Identity": 99, "A": 90, "B": 80})
    np.savez(run / "predictions.npz", compositions=np.array(["Identity", "A", "B"]))
    assert read([run])[1] == {}
    lines = (run / "results.csv").read_text().splitlines(keepends=True)
    (run / "results.csv").write_text("".join(lines[:-1]))
    told = read([run])[1][run]
    assert told.endswith("it has 2 rows of the variant default, but predictions.npz is of 3")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    rows, unread = read([tmp_path / "a"])
    assert rows.empty and list(rows.columns) == [*TYPES, "run"]
    assert "a/results.csv cannot be read: No such file" in unread[tmp_path / "a"]
