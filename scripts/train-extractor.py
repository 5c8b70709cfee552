#!/usr/bin/env python3
"""Trains the model of crates/page that tells which text of a page is content.

    npm run train:extractor -- FOLDER... [--report]

Each FOLDER holds labelled pages: `html` and `truth` as WCXB has them, or pages beside which stands FOLDER.json. The
features, the labels, the choice of blocks and its score are computed by `crates/page/examples/blocks`, so that there is
one implementation of each; this script fits the weights of class words and the trees, and writes the model, the test's
fixture and the provenance.

`--report` trains four times more, each time without a fourth of the hosts, and prints the scores on that fourth.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import sys
from urllib.parse import urlparse

ROOT = pathlib.Path(__file__).resolve().parent.parent
CRATE = ROOT / "crates" / "page"
MODEL = CRATE / "model"
WORK = ROOT / "target" / "train-extractor"
REQUIREMENTS = ["catboost==1.2.10", "numpy==2.4.6", "scipy==1.17.1", "scikit-learn==1.9.1"]
FOLDS = 4

# Trees: 300 of 64 leaves are 50 kB. More gain less than chance.
TREES = dict(iterations=300, learning_rate=0.1, depth=6, l2_leaf_reg=4, rsm=0.25, border_count=64, random_seed=1)
# Blocks of an overlong page and of a page with hardly any truth must not outweigh the rest.
MOST_WEIGHT = 15
# What a page counts beside a page of WCXB: the few articles are the only ones that people marked.
PAGE_WEIGHT = {"articles": 6, "short": 0.3}
# Pulls weights of words towards zero.
WORD_PENALTY = 3e-5


def in_venv():
    """Runs this script in an environment of its own."""
    venv = WORK / "venv"
    python = venv / "bin" / "python"
    if pathlib.Path(sys.prefix) == venv:
        return
    stamp = venv / "requirements"
    wanted = "\n".join(REQUIREMENTS)
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        stamp.write_text(wanted)
    os.execv(python, [str(python), *sys.argv])


def blocks(*arguments):
    """Runs the example, which is built before."""
    run = [ROOT / "target" / "release" / "examples" / "blocks", *arguments]
    return subprocess.run(run, check=True, stdout=subprocess.PIPE).stdout


def host(page):
    """The part of a host's name that its owner registered, roughly."""
    parts = urlparse(page["url"]).netloc.lower().split(".")
    return ".".join(parts[-2:] if len(parts) >= 2 and len(parts[-2]) > 3 else parts[-3:]) or page["id"]


class Pages:
    """All blocks of all pages."""

    def __init__(self, folders):
        import numpy as np
        import scipy.sparse as sparse

        self.folders = folders
        blocks("table", WORK, "-", *folders)
        about = json.loads((WORK / "pages.json").read_text())
        self.names, self.pages = about["names"], about["pages"]
        self.rows = np.fromfile(WORK / "rows.f32", np.float32).reshape(-1, len(self.names))
        wanted, words = np.fromfile(WORK / "labels.f32", np.float32).reshape(-1, 2).T
        self.wanted = wanted > 0.5
        self.page = np.repeat(np.arange(len(self.pages)), [page["blocks"] for page in self.pages])
        folds = [int(hashlib.md5(("y" + host(page)).encode()).hexdigest()[:8], 16) % FOLDS for page in self.pages]
        self.fold = np.array(folds)[self.page]
        # A block weighs its words over the truth's, so that each page counts alike.
        total = np.bincount(self.page, words, len(self.pages))
        truth = np.array([page["truth"] for page in self.pages])
        of_page = np.array([PAGE_WEIGHT.get(page["kind"], 1) for page in self.pages])
        self.weight = words / np.maximum(np.maximum(truth, 0.3 * total), 80)[self.page] * of_page[self.page]
        self.hashes = np.fromfile(WORK / "hashes.u32", np.uint32)
        self.words = self.class_words(np, sparse)
        self.of_words = [at for at, name in enumerate(self.names) if name.startswith("k_")]

    def class_words(self, np, sparse):
        """Which words each block has, as a matrix."""
        numbers = np.fromfile(WORK / "class-words.u16", np.uint16)
        is_number = np.ones(len(numbers), bool)
        at, ends = 0, [0]
        while at < len(numbers):
            is_number[at] = False
            count = int(numbers[at])
            ends.append(ends[-1] + count)
            at += 1 + count
        columns = numbers[is_number].astype(np.int32)
        shape = (len(ends) - 1, len(self.hashes))
        return sparse.csr_matrix((np.ones(len(columns), np.float32), columns, np.array(ends)), shape=shape)

    def word_weights(self, rows):
        """Weights of words, in steps of 1/32, learned from some blocks."""
        import numpy as np
        from sklearn.linear_model import LogisticRegression

        rows = rows[np.asarray(self.words[rows].sum(1)).ravel() > 0]
        weight = np.minimum(self.weight[rows] / self.weight[rows].mean(), 8)
        fit = LogisticRegression(C=1 / (WORD_PENALTY * len(rows)), max_iter=80, tol=1e-3)
        fit.fit(self.words[rows], self.wanted[rows], sample_weight=weight)
        return np.clip(np.round(fit.coef_[0] * 32), -127, 127).astype(int)

    def read_words(self):
        """The features of word tables: one for each pair of folds that it has not seen, and one that has seen all."""
        import numpy as np

        pairs = [(one, other) for one in range(FOLDS) for other in range(one, FOLDS)]
        unseen = [np.where((self.fold != one) & (self.fold != other))[0] for one, other in pairs]
        self.tables = [self.word_weights(rows) for rows in [*unseen, np.arange(len(self.fold))]]
        with open(WORK / "words.txt", "w") as file:
            for word, weights in zip(self.hashes, zip(*self.tables)):
                print(word, *(weight / 32 for weight in weights), file=file)
        blocks("table", WORK, WORK / "words.txt", *self.folders)
        columns = np.fromfile(WORK / "words.f32", np.float32)
        self.word_features = columns.reshape(-1, len(self.tables), len(self.of_words))
        self.table_of = {pair: at for at, pair in enumerate(pairs)}

    def with_words(self, without):
        """All features, those of words by tables that have seen neither a block's own fold nor that one."""
        rows = self.rows.copy()
        for fold in range(FOLDS):
            pair = (fold, fold if without is None else without)
            its = self.fold == fold
            for at, column in enumerate(self.of_words):
                rows[its, column] = self.word_features[its, self.table_of[tuple(sorted(pair))], at]
        return rows

    def fit(self, rows, chosen):
        import numpy as np
        from catboost import CatBoostClassifier, Pool

        weight = np.minimum(self.weight / self.weight.mean(), MOST_WEIGHT)
        pool = Pool(rows[chosen], self.wanted[chosen].astype(int), weight=weight[chosen])
        settings = dict(bootstrap_type="No", leaf_estimation_iterations=1, allow_writing_files=False, verbose=0)
        return CatBoostClassifier(**TREES, **settings).fit(pool)

    def scores(self, probabilities):
        """Scores by kind, those of pages in other languages than English apart."""
        import numpy as np

        file = WORK / "probabilities.f32"
        probabilities.astype(np.float32).tofile(file)
        scores = json.loads(blocks("score", file, *self.folders))
        kinds = collections.defaultdict(list)
        for page, score in zip(self.pages, scores):
            kinds[page["kind"]].append(score)
            if page["kind"] not in PAGE_WEIGHT:
                kinds["all kinds"].append(score)
                if not (page["language"] or "en").lower().startswith("en"):
                    kinds["not English"].append(score)
        table = {kind: (len(its), np.mean([score["f1"] for score in its])) for kind, its in sorted(kinds.items())}
        if kinds["articles"]:
            mean = lambda of: np.mean([score[of] for score in kinds["articles"] if score[of] is not None])
            precision, recall = mean("precision"), mean("recall")
            table["articles, precision"] = (len(kinds["articles"]), precision)
            table["articles, recall"] = (len(kinds["articles"]), recall)
            table["articles, runs of four words"] = (len(kinds["articles"]), 2 * precision * recall / (precision + recall))
        return table

    def cross_validated(self):
        """Probabilities by models that have not seen the block's host; the same with no class word known."""
        import numpy as np

        probabilities, blanked = np.zeros(len(self.wanted)), np.zeros(len(self.wanted))
        for fold in range(FOLDS):
            rows, its = self.with_words(fold), self.fold == fold
            model = self.fit(rows, ~its)
            probabilities[its] = model.predict_proba(rows[its])[:, 1]
            rows[:, self.of_words] = 0
            blanked[its] = model.predict_proba(rows[its])[:, 1]
        return probabilities, blanked


def packed(model, hashes, weights, names):
    """The model as `crates/page/src/blocks/model.rs` reads it."""
    file = WORK / "model.json"
    model.save_model(str(file), format="json")
    made = json.loads(file.read_text())
    known = [at for at, weight in enumerate(weights) if weight]
    out = bytearray(struct.pack("<H", len(known)))
    out += b"".join(struct.pack("<I", hashes[at]) for at in known)
    out += b"".join(struct.pack("<b", weights[at]) for at in known)
    used = [set() for _ in names]
    for tree in made["oblivious_trees"]:
        for split in tree["splits"]:
            used[split["float_feature_index"]].add(split["border"])
    borders = [sorted(its) for its in used]
    out += struct.pack("<H", len(borders))
    for its in borders:
        out += struct.pack("<B", len(its)) + b"".join(struct.pack("<f", border) for border in its)
    scale, bias = made["scale_and_bias"]
    out += struct.pack("<Hf", len(made["oblivious_trees"]), bias[0])
    for tree in made["oblivious_trees"]:
        leaves = [value * scale for value in tree["leaf_values"]]
        unit = max(abs(value) for value in leaves) / 32767 or 1
        out += struct.pack("<fB", unit, len(tree["splits"]))
        for split in tree["splits"]:
            feature = split["float_feature_index"]
            out += struct.pack("<BB", feature, borders[feature].index(split["border"]))
        out += b"".join(struct.pack("<h", round(value / unit)) for value in leaves)
    return bytes(out)


def write_fixture(model, hashes, weights):
    """What the trees say of the test's pages, for the test that the crate says the same."""
    import numpy as np

    words = WORK / "fixture-words.txt"
    words.write_text("".join(f"{word} {weight / 32}\n" for word, weight in zip(hashes, weights)))
    fixture = {}
    for page in sorted((CRATE / "tests" / "blocks").glob("*.html")):
        rows = np.array(json.loads(blocks("rows", words, page)), np.float32)
        fixture[page.stem] = [round(float(p), 6) for p in model.predict_proba(rows)[:, 1]]
    (MODEL / "fixture.json").write_text(json.dumps(fixture) + "\n")


def shown(table):
    return "\n".join(f"| {kind} | {count} | {score:.3f} |" for kind, (count, score) in table.items())


def provenance(folders, size, tables):
    parts = [
        "# The model of `blocks`",
        "",
        f"`blocks.bin`, {size / 1000:.0f} kB: {TREES['iterations']} oblivious trees of depth {TREES['depth']} and the weights of class words (format:"
        " `../src/blocks/model.rs`). `fixture.json`: what the trainer's own trees say of the pages in `../tests/blocks`.",
        "",
        "Made by `npm run train:extractor -- " + " ".join(folders) + " --report` from WCXB, the Web Content eXtraction Benchmark"
        " (Murrough-Foley, 2026, CC-BY-4.0; its development split, unchanged), and the article extraction benchmark of Zyte"
        " (MIT). Neither pages nor their words are in it; words of classes are hashes.",
        "",
        "F1 over bags of words; of `articles` also over runs of four words, the measure of that set. *Four folds*: each page"
        " by a model that has not seen its host, nor have its word weights. *Without class words*: the same models where no"
        " class word is known. *Short*: made pages of a few sentences.",
    ]
    for title, table in tables.items():
        parts += ["", f"## {title}", "", "| | pages | F1 |", "| --- | --- | --- |", shown(table)]
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--report", action="store_true", help="four-fold scores, and provenance with all scores")
    options = parser.parse_args()
    in_venv()
    build = ["cargo", "build", "--release", "--locked", "-p", "riptide-page", "--example", "blocks"]
    subprocess.run(build, check=True, cwd=ROOT)
    WORK.mkdir(parents=True, exist_ok=True)
    MODEL.mkdir(exist_ok=True)
    pages = Pages(options.folders)
    print(len(pages.pages), "pages,", len(pages.wanted), "blocks,", len(pages.names), "features", flush=True)
    pages.read_words()
    tables = {}
    if options.report:
        probabilities, blanked = pages.cross_validated()
        for title, its in {"Four folds": probabilities, "Without class words": blanked}.items():
            tables[title] = pages.scores(its)
            print(f"{title}\n{shown(tables[title])}", flush=True)
    rows = pages.with_words(None)
    model = pages.fit(rows, slice(None))
    weights = pages.tables[-1]
    file = packed(model, pages.hashes, weights, pages.names)
    (MODEL / "blocks.bin").write_bytes(file)
    write_fixture(model, pages.hashes, weights)
    for at, column in enumerate(pages.of_words):
        rows[:, column] = pages.word_features[:, -1, at]
    tables["On the pages of training"] = pages.scores(model.predict_proba(rows)[:, 1])
    print(f"On the pages of training\n{shown(tables['On the pages of training'])}\n{len(file)} bytes", flush=True)
    if options.report:
        (MODEL / "README.md").write_text(provenance(options.folders, len(file), tables))


if __name__ == "__main__":
    main()
