"""Block Kit's limits: each is kept at the edge and refused one step beyond it."""

from collections.abc import Callable
from typing import Any

import pytest

from flowbot.sandbox.slack import build_demo_workspace
from flowbot.sandbox.slack.blockkit.payload_checks import check_blocks, check_message, check_view
from flowbot.sandbox.slack.blockkit.surfaces import Surface
from flowbot.sandbox.slack.errors import SlackError

Block = dict[str, Any]
WORKSPACE = build_demo_workspace()


def plain(text: str = "a") -> Block:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "a") -> Block:
    return {"type": "mrkdwn", "text": text}


def section(**more: Any) -> Block:
    return {"type": "section", "text": mrkdwn(), **more}


def button(**more: Any) -> Block:
    return {"type": "button", "text": plain(), "action_id": "b", **more}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def buttons(count: int) -> list[Block]:
    return [button(action_id=str(n)) for n in range(count)]


def options(count: int, **more: Any) -> list[Block]:
    return [{"text": plain(str(n)), "value": str(n), **more} for n in range(count)]


def select(**more: Any) -> Block:
    return {"type": "static_select", "options": options(1), **more}


def chooser(kind: str, count: int) -> Block:
    return {"type": kind, "options": options(count)}


def field(element: Block, **more: Any) -> Block:
    return {"type": "input", "label": plain(), "element": element, **more}


def text_input(**more: Any) -> Block:
    return {"type": "plain_text_input", **more}


def image(**more: Any) -> Block:
    return {"type": "image", "image_url": "https://a.example/b.png", "alt_text": "a", **more}


def confirm(**more: Any) -> Block:
    return {"title": plain(), "text": mrkdwn(), "confirm": plain(), "deny": plain(), **more}


def card(**more: Any) -> Block:
    return {"type": "card", "title": plain(), **more}


def table(rows: int, columns: int, kind: str = "table", **more: Any) -> Block:
    return {"type": kind, "rows": [[{"type": "raw_text", "text": "a"}] * columns] * rows, **more}


def data_table(rows: int, **more: Any) -> Block:
    return table(rows, 2, "data_table", caption="a", **more)


def plot(series: int = 1, categories: int = 1, name: str = "a", **more: Any) -> Block:
    labels = [str(n) for n in range(categories)]
    data = [{"label": label, "value": 1} for label in labels]
    chart = {
        "type": "bar",
        "series": [{"name": name, "data": data}] * series,
        "axis_config": {"categories": labels},
    }
    return {"type": "data_visualization", "title": "a", "chart": chart, **more}


def plot_of(*labels: str) -> Block:
    """Return a chart over the categories a and b whose line has these points."""
    line = {"name": "a", "data": [{"label": label, "value": 1} for label in labels]}
    chart = {"type": "line", "series": [line], "axis_config": {"categories": ["a", "b"]}}
    return {"type": "data_visualization", "title": "a", "chart": chart}


def pie(value: float = 1, label: str = "a", slices: int = 1) -> Block:
    chart = {"type": "pie", "segments": [{"label": label, "value": value}] * slices}
    return {"type": "data_visualization", "title": "a", "chart": chart}


def container(children: int, **more: Any) -> Block:
    return {"type": "container", "title": plain(), "child_blocks": [section()] * children, **more}


def refused(surface: Surface, *blocks: Any) -> list[str]:
    """Return the sentences of the refusal; none if the blocks are taken."""
    try:
        check_blocks(list(blocks), surface, WORKSPACE, "/blocks", "invalid_blocks")
    except SlackError as refusal:
        return list(refusal.extra["response_metadata"]["messages"])
    return []


LIMITS: list[tuple[str, Surface, int, Callable[[int], Block]]] = [
    ("header text", "message", 150, lambda n: {"type": "header", "text": plain("x" * n)}),
    ("section text", "message", 3000, lambda n: section(text=mrkdwn("x" * n))),
    ("section fields", "message", 10, lambda n: section(fields=[mrkdwn()] * n)),
    ("field text", "message", 2000, lambda n: section(fields=[mrkdwn("x" * n)])),
    ("markdown text", "message", 12_000, lambda n: {"type": "markdown", "text": "x" * n}),
    ("button text", "message", 75, lambda n: actions(button(text=plain("x" * n)))),
    ("button value", "message", 2000, lambda n: actions(button(value="x" * n))),
    ("button url", "message", 3000, lambda n: actions(button(url="https://a.example/".ljust(n, "x")))),
    ("button accessibility label", "message", 75, lambda n: actions(button(accessibility_label="x" * n))),
    ("action_id", "message", 255, lambda n: actions(button(action_id="x" * n))),
    ("block_id", "message", 255, lambda n: section(block_id="x" * n)),
    ("confirm title", "message", 100, lambda n: actions(button(confirm=confirm(title=plain("x" * n))))),
    ("confirm text", "message", 300, lambda n: actions(button(confirm=confirm(text=mrkdwn("x" * n))))),
    ("confirm button", "message", 30, lambda n: actions(button(confirm=confirm(confirm=plain("x" * n))))),
    ("deny button", "message", 30, lambda n: actions(button(confirm=confirm(deny=plain("x" * n))))),
    ("option text", "message", 75, lambda n: actions(select(options=options(1, text=plain("x" * n))))),
    ("option value", "message", 150, lambda n: actions(select(options=options(1, value="x" * n)))),
    ("option description", "message", 75, lambda n: actions(select(options=options(1, description=plain("x" * n))))),
    ("options", "message", 100, lambda n: actions(select(options=options(n)))),
    ("overflow options", "message", 5, lambda n: actions(chooser("overflow", n))),
    ("checkboxes", "message", 10, lambda n: actions(chooser("checkboxes", n))),
    ("radio buttons", "message", 10, lambda n: actions(chooser("radio_buttons", n))),
    ("placeholder", "message", 150, lambda n: actions(select(placeholder=plain("x" * n)))),
    ("context elements", "message", 10, lambda n: {"type": "context", "elements": [mrkdwn()] * n}),
    ("actions elements", "message", 25, lambda n: actions(*buttons(n))),
    ("image alt text", "message", 2000, lambda n: image(alt_text="x" * n)),
    ("image url", "message", 3000, lambda n: image(image_url="https://a.example/".ljust(n, "x"))),
    ("table rows", "message", 100, lambda n: table(n, 1)),
    ("table columns", "message", 20, lambda n: table(1, n)),
    ("data table rows and header", "message", 101, data_table),
    ("data table page", "message", 100, lambda n: data_table(2, page_size=n)),
    ("card title", "home", 150, lambda n: card(title=mrkdwn("x" * n))),
    ("card body", "home", 200, lambda n: card(body=mrkdwn("x" * n))),
    ("card buttons", "home", 3, lambda n: card(actions=buttons(n))),
    ("carousel cards", "home", 10, lambda n: {"type": "carousel", "elements": [card()] * n}),
    ("container children", "message", 10, container),
    ("container title", "message", 150, lambda n: container(1, title=plain("x" * n))),
    ("chart title", "message", 50, lambda n: plot(title="x" * n)),
    ("chart series", "message", 6, lambda n: plot(series=n)),
    ("chart categories", "message", 20, lambda n: plot(categories=n)),
    ("chart labels", "message", 20, lambda n: plot(name="x" * n)),
    ("pie slices", "message", 6, lambda n: pie(slices=n)),
    ("pie labels", "message", 20, lambda n: pie(label="x" * n)),
    ("input label", "modal", 2000, lambda n: field(text_input(), label=plain("x" * n))),
    ("input hint", "modal", 2000, lambda n: field(text_input(), hint=plain("x" * n))),
    ("typed text", "modal", 3000, lambda n: field(text_input(initial_value="x" * n))),
    ("typed length", "modal", 3000, lambda n: field(text_input(max_length=n))),
    ("files", "modal", 10, lambda n: field({"type": "file_input", "max_files": n})),
]


@pytest.mark.parametrize(("what", "surface", "most", "build"), LIMITS, ids=[row[0] for row in LIMITS])
def test_a_limit_is_kept_and_not_exceeded(
    what: str, surface: Surface, most: int, build: Callable[[int], Block]
) -> None:
    assert refused(surface, build(most)) == [], f"{most} of {what} are allowed"
    assert refused(surface, build(most + 1)), f"{most + 1} of {what} are too many"


@pytest.mark.parametrize(("surface", "most"), [("message", 50), ("modal", 100), ("home", 100)])
def test_a_surface_takes_only_so_many_blocks(surface: Surface, most: int) -> None:
    assert refused(surface, *[section()] * most) == []
    assert refused(surface, *[section()] * (most + 1)) == [
        f"[ERROR] no more than {most} items allowed [json-pointer:/blocks]"
    ]


@pytest.mark.parametrize(
    ("why", "surface", "block", "sentence"),
    [
        ("an unknown block", "message", {"type": "banner"}, "unsupported type: banner [json-pointer:/blocks/0/type]"),
        ("no type", "message", {"text": plain()}, "missing required field: type [json-pointer:/blocks/0]"),
        ("an unknown property", "message", section(color="red"),
         "invalid additional property: color [json-pointer:/blocks/0]"),
        ("null", "message", section(accessory=None), "must not be null: accessory [json-pointer:/blocks/0]"),
        ("mrkdwn in a header", "message", {"type": "header", "text": mrkdwn()}, "[json-pointer:/blocks/0/text/type]"),
        ("an empty text", "message", section(text=mrkdwn("")),
         "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ("an empty section", "message", {"type": "section"}, "missing required field: text or fields"),
        ("no button text", "message", actions({"type": "button"}),
         "missing required field: text [json-pointer:/blocks/0/elements/0]"),
        ("an unknown style", "message", actions(button(style="blue")), "[json-pointer:/blocks/0/elements/0/style]"),
        ("a url with a space", "message", actions(button(url="https://a b")), "invalid URL"),
        ("a relative picture", "message", image(image_url="/a.png"), "invalid image URL"),
        ("a picture as data", "message", image(image_url="data:image/png;base64,AA"), "invalid image URL"),
        ("a picture without words", "message", {"type": "image", "image_url": "https://a.example/b.png"},
         "missing required field: alt_text"),
        ("two sources", "message", image(slack_file={"id": "F1"}), "exactly one of image_url, slack_file"),
        ("no entry in an overflow", "message", actions(chooser("overflow", 0)), "no fewer than 1 items allowed"),
        ("no elements", "message", actions(), "no fewer than 1 items allowed"),
        ("no options", "message", actions({"type": "static_select"}), "exactly one of options, option_groups"),
        ("an initial option from elsewhere", "message",
         actions(select(initial_option={"text": plain("z"), "value": "z"})), "initial_option must exactly match"),
        ("a text field among actions", "message", actions(text_input()), "unsupported type: plain_text_input"),
        ("a button in a form field", "modal", field(button()), "unsupported type: button"),
        ("a moment beside a section", "message", section(accessory={"type": "datetimepicker"}),
         "unsupported type: datetimepicker"),
        ("a moment on Home", "home", actions({"type": "datetimepicker"}), "unsupported type: datetimepicker"),
        ("an impossible date", "message", actions({"type": "datepicker", "initial_date": "2026-13-01"}),
         "must be a date"),
        ("a number without its kind", "modal", field({"type": "number_input"}),
         "missing required field: is_decimal_allowed"),
        ("a numeric limit as number", "modal",
         field({"type": "number_input", "is_decimal_allowed": False, "min_value": 1}), "min_value"),
        ("a form field in a message", "message", field(text_input()), "unsupported type: input"),
        ("a form field on Home", "home", field(text_input()), "unsupported type: input"),
        ("an alert in a message", "message", {"type": "alert", "text": plain()}, "unsupported type: alert"),
        ("a card in a modal", "modal", card(), "unsupported type: card"),
        ("a table in a modal", "modal", table(1, 1), "unsupported type: table"),
        ("a chart on Home", "home", plot(), "unsupported type: data_visualization"),
        ("a container on Home", "home", container(1), "unsupported type: container"),
        ("a container in a container", "message", container(1, child_blocks=[container(1)]),
         "unsupported type: container"),
        ("a container without title", "message", {"type": "container", "child_blocks": [section()]},
         "missing required field: title or rich_text_title"),
        ("an empty card", "message", {"type": "card"}, "at least one of hero_image"),
        ("a data table without caption", "message", table(2, 1, "data_table"), "missing required field: caption"),
        ("a data table of a header alone", "message", data_table(1), "no fewer than 2 items allowed"),
        ("ragged rows", "message", {"type": "table", "rows": [
            [{"type": "raw_text", "text": "a"}], [{"type": "raw_text", "text": "a"}] * 2]}, "same number of cells"),
        ("a chart with a gap", "message", plot_of("a"), "must be the categories"),
        ("a chart in another order", "message", plot_of("b", "a"), "must be the categories"),
        ("an empty slice", "message", pie(0), "greater than 0"),
        ("unknown rich text", "message", {"type": "rich_text", "elements": [{"type": "rich_text_song"}]},
         "unsupported type: rich_text_song [json-pointer:/blocks/0/elements/0/type]"),
        ("a foreign broadcast", "message", {"type": "rich_text", "elements": [
            {"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "world"}]}]}, "range"),
    ],
)  # fmt: skip
def test_what_slack_does_not_take(why: str, surface: Surface, block: Block, sentence: str) -> None:
    assert any(sentence in line for line in refused(surface, block)), (why, refused(surface, block))


RICH = {
    "type": "rich_text",
    "elements": [
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "text", "text": "a", "style": {"bold": True}},
                {"type": "emoji", "name": "wave"},
                {"type": "link", "url": "https://a.example", "text": "b"},
                {"type": "user", "user_id": "U0AYSE"},
                {"type": "usergroup", "usergroup_id": "S0LEADS"},
                {"type": "channel", "channel_id": "C0MARKETING"},
                {"type": "date", "timestamp": 1, "format": "{date}", "fallback": "c"},
                {"type": "broadcast", "range": "here"},
            ],
        },
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "d"}]}],
        },
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": "e"}]},
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "f"}]},
    ],
}


@pytest.mark.parametrize(
    ("surface", "block"),
    [
        ("message", {"type": "divider"}),
        ("message", RICH),
        ("message", section(accessory=image(), expand=True)),
        ("message", image(title=plain(), image_url="http://127.0.0.1:1/a.png")),
        ("message", {"type": "context", "elements": [image(), plain(), mrkdwn()]}),
        ("message", actions({"type": "datetimepicker", "initial_date_time": 1_790_000_000})),
        ("message", card(hero_image=image(), subtitle=mrkdwn(), actions=[button(style="primary")])),
        ("message", {"type": "carousel", "elements": [card()]}),
        ("message", container(2, is_collapsible=True, default_collapsed=True, subtitle=mrkdwn())),
        ("message", table(2, 2, column_settings=[{"align": "right", "is_wrapped": True}])),
        ("modal", {"type": "alert", "text": mrkdwn(), "level": "warning"}),
        ("modal", field({"type": "file_input", "filetypes": ["png"], "max_files": 1}, optional=True)),
        ("modal", field({"type": "number_input", "is_decimal_allowed": False, "min_value": "1"})),
        ("modal", field({"type": "url_text_input", "placeholder": plain()})),
        ("modal", field({"type": "external_select", "min_query_length": 0})),
        ("modal", field({"type": "conversations_select", "filter": {"include": ["public"]}})),
        ("modal", field({"type": "multi_users_select", "initial_users": ["U0AYSE"]})),
        ("modal", field({"type": "checkboxes", "options": options(1, text=mrkdwn())}, dispatch_action=True)),
        ("home", {"type": "header", "text": plain()}),
    ],
)
def test_what_slack_takes(surface: Surface, block: Block) -> None:
    assert refused(surface, block) == []


@pytest.mark.parametrize(
    ("blocks", "sentence"),
    [
        ([section(block_id="x"), section(block_id="x")], "block_id `x` already exists"),
        ([actions(button(), button())], "action_id `b` already exists"),
        ([table(1, 1), table(1, 1)], "only 1 table allowed"),
        ([plot(), plot(), plot()], "only 2 data_visualization allowed"),
        ([{"type": "markdown", "text": "x" * 6001}] * 2, "less than 12001 characters in total"),
    ],
)
def test_rules_across_blocks(blocks: list[Block], sentence: str) -> None:
    assert any(sentence in line for line in refused("message", *blocks))


def test_the_same_action_id_may_stand_in_different_blocks() -> None:
    assert refused("message", actions(button()), actions(button())) == []


def test_only_one_field_takes_the_focus() -> None:
    focused = field(text_input(focus_on_load=True))
    assert refused("modal", focused) == []
    assert refused("modal", focused, focused)


def test_an_emoji_counts_as_two_characters() -> None:
    assert refused("message", {"type": "header", "text": plain("😀" * 75)}) == []
    assert refused("message", {"type": "header", "text": plain("😀" * 76)})


@pytest.mark.parametrize(
    ("what", "view", "taken"),
    [
        ("a title of 24", {"title": plain("x" * 24)}, True),
        ("a title of 25", {"title": plain("x" * 25)}, False),
        ("a title in mrkdwn", {"title": mrkdwn()}, False),
        ("submit of 25", {"submit": plain("x" * 25)}, False),
        ("close of 25", {"close": plain("x" * 25)}, False),
        ("callback_id of 255", {"callback_id": "x" * 255}, True),
        ("callback_id of 256", {"callback_id": "x" * 256}, False),
        ("private_metadata of 3000", {"private_metadata": "x" * 3000}, True),
        ("private_metadata of 3001", {"private_metadata": "x" * 3001}, False),
        ("fields without submit", {"blocks": [field(text_input())]}, False),
        ("fields with submit", {"blocks": [field(text_input())], "submit": plain()}, True),
        ("an unknown property", {"colour": "red"}, False),
        ("another type", {"type": "workflow_step"}, False),
    ],
)
def test_the_frame_of_a_modal(what: str, view: Block, taken: bool) -> None:
    whole = {"type": "modal", "title": plain(), "blocks": [], **view}
    if taken:
        assert check_view(whole, WORKSPACE, "modal") == whole
        return
    with pytest.raises(SlackError, match="invalid_arguments"):
        check_view(whole, WORKSPACE, "modal")


def test_a_home_has_no_title() -> None:
    check_view({"type": "home", "blocks": []}, WORKSPACE, "home")
    with pytest.raises(SlackError, match="invalid_arguments"):
        check_view({"type": "home", "title": plain(), "blocks": []}, WORKSPACE, "home")
    with pytest.raises(SlackError, match="invalid_arguments"):
        check_view({"type": "home", "blocks": []}, WORKSPACE, "modal")


def test_a_messages_text_has_at_most_4000_characters() -> None:
    check_message("x" * 4000, None, WORKSPACE)
    with pytest.raises(SlackError, match="msg_too_long"):
        check_message("x" * 4001, None, WORKSPACE)
    with pytest.raises(SlackError, match="no_text"):
        check_message("  ", None, WORKSPACE)


def test_a_messages_blocks_have_fewer_than_11300_characters_together() -> None:
    blocks = [{"type": "section", "text": plain("x" * 2825)} for _ in range(4)]
    blocks[0]["text"] = plain("x" * 2824)
    check_message("x", blocks, WORKSPACE)
    blocks[0]["text"] = plain("x" * 2825)
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        check_message("x", blocks, WORKSPACE)
