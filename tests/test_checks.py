"""Self-checks: the banks are sound, and a question stands on plain HTML alone."""

import re
import tomllib
from html.parser import HTMLParser

import pytest

from course_lib import checks
from course_lib.evidence import ASSETS

BANK = checks.bank()
MISCONCEPTIONS = tomllib.loads((ASSETS / "misconceptions.toml").read_text(encoding="utf-8"))
GOOD = {
    "objective": "CHK-1",
    "question": "Why?",
    "options": [
        {"text": "a", "feedback": "because", "right": True},
        {"text": "b", "feedback": "because", "misconception": "adds-t-cells"},
        {"text": "c", "feedback": "because", "misconception": "pd-1-on-tumour"},
    ],
}


def write(path, question):
    lines = ["[CHK-1z]", f'objective = "{question["objective"]}"', 'question = "Why?"']
    for option in question["options"]:
        lines.append("[[CHK-1z.options]]")
        lines += [f"{k} = {str(v).lower() if v is True else repr(v)}" for k, v in option.items()]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def changed(index, **fields):
    options = [dict(option) for option in GOOD["options"]]
    options[index] = {k: v for k, v in {**options[index], **fields}.items() if v is not None}
    return {**GOOD, "options": options}


def test_a_complete_question_is_read(tmp_path):
    assert list(checks.read(write(tmp_path / "bank.toml", GOOD))) == ["CHK-1z"]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({**GOOD, "options": GOOD["options"][:2]}, "has 2 options, needs 3"),
        (changed(1, right=True, misconception=None), "needs exactly one right option"),
        (changed(1, misconception=None), "needs a misconception for each wrong option"),
        (changed(0, misconception="adds-t-cells"), "needs a misconception for each wrong option"),
        (changed(2, feedback=""), "without text or feedback"),
        ({**GOOD, "objective": "CHK-2"}, "is not named after CHK-2"),
    ],
)
def test_an_incomplete_question_is_refused(tmp_path, question, message):
    with pytest.raises(ValueError, match=message):
        checks.read(write(tmp_path / "bank.toml", question))


@pytest.mark.parametrize("name", BANK)
def test_every_wrong_option_stands_for_a_known_misconception(name):
    for option in BANK[name].options:
        assert option.right or option.misconception in MISCONCEPTIONS


@pytest.mark.parametrize("name", BANK)
def test_an_item_is_fair(name):
    check = BANK[name]
    assert check.question.endswith("?")
    lengths = [len(option.text) for option in check.options]
    right = next(len(option.text) for option in check.options if option.right)
    assert right <= 1.3 * max(n for n in lengths if n != right), "the longest option is the key"
    assert max(lengths) - min(lengths) <= 25, "options differ too much in length"
    for option in check.options:
        assert not re.search(r"\b(all|none) of the\b", option.text, re.IGNORECASE)


def test_the_place_of_the_right_option_varies():
    places = [letter for c in BANK.values() for letter, o in c.lettered() if o.right]
    assert min(places.count(letter) for letter in "ABC") >= len(BANK) // 6


def test_no_question_is_asked_under_two_ids():
    assert len({check.question for check in BANK.values()}) == len(BANK)


class Elements(HTMLParser):
    """Collects the names of all elements, and the text outside ``style``."""

    def __init__(self, html):
        super().__init__()
        self.names, self.text, self.open = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.names.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)


@pytest.mark.parametrize("name", BANK)
def test_the_html_needs_no_script_no_network_and_no_aria(name):
    html = BANK[name].html()
    found = Elements(html)
    tags = {tag for tag, _ in found.names}
    assert tags == {"style", "fieldset", "legend", "p", "details", "summary", "strong"}
    assert not found.open
    assert sum(tag == "details" for tag, _ in found.names) == checks.OPTIONS
    assert all(set(attrs) <= {"class", "style"} for _, attrs in found.names)
    assert "http" not in html
    assert "url(" not in html


@pytest.mark.parametrize("name", BANK)
def test_text_and_html_say_the_same_and_explain_every_option(name):
    check = BANK[name]
    bundle = checks.ask(name)._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle == checks.ask(name)._repr_mimebundle_(), "two runs differ"
    shown = " ".join(Elements(bundle["text/html"]).text)
    for option in check.options:
        for words in (option.text, f"{checks.verdict(option)} {option.feedback}"):
            assert words in bundle["text/plain"]
            assert re.sub(r"\s+", " ", words) in re.sub(r"\s+", " ", shown)
    assert shown.count("Right.") == 1


def test_the_plain_text_gives_all_options_before_the_first_explanation():
    text = checks.ask("CHK-1a").text()
    check = BANK["CHK-1a"]
    assert text.index(check.options[2].text) < text.index("Choose first")
    assert all(text.index(o.feedback) > text.index("Choose first") for o in check.options)


def test_markup_in_a_question_is_shown_not_run():
    option = checks.Option("a <b>", "x & y", right=True)
    html = checks.Check("CHK-1z", "CHK-1", "1 < 2?", (option, option, option)).html()
    assert "a &lt;b&gt;" in html
    assert "x &amp; y" in html
    assert "1 &lt; 2?" in html


def test_an_unknown_question_names_the_nearest():
    with pytest.raises(KeyError, match="CHK-1a"):
        checks.ask("CHK-1x")
