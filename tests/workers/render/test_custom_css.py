from collections.abc import Callable

import pytest

from workers.render.custom_css import MAX_BYTES, MAX_RULES, CustomCss, clean
from workers.render.rendering import Rendering

HARM = [
    "p { background: url(https://evil.example/x) }",
    "p { color: u\\72l(x) }",
    "p { color: expression(evil()) }",
    "p { color: var(--x) }",
    "p { font-family: attr(title) }",
    "p { font-family: '\\3c /style>' }",
    "p { position: fixed }",
    "p { display: none }",
    "p { margin-top: -900px }",
    "p { margin: calc(1px - 900px) }",
    "@import 'https://evil.example/x.css';",
    "@import url(file:///etc/passwd);",
    "@font-face { font-family: x; src: url(https://evil.example/x) }",
    "@media print { p { color: red } }",
    "@media (max-width: 1px) { @media print { p { color: red } } }",
    "@media (max-width: 1px), (x: '</style>') { p { color: red } }",
    "p:hover { color: red }",
    "p::before { color: red }",
    "[style*=red] { color: red }",
    "[title='</style>'] { color: red }",
    "p { font-family: '</style><script>evil()</script>' }",
    "div div div div p { color: red }",
    "p ~ p { color: red }",
    "{{{{}}}}",
    "</style><script>evil()</script>",
    f"p{'.x' * 300} {{ color: red }}",
    f"p {{ color: {'rgb(' * 3000} }}",
    f"p{':not(' * 3000} {{ color: red }}",
    f"p {{ width: {'9' * 5000}px }}",
]


@pytest.mark.parametrize("css", [*HARM, "p { color: red }" + " " * MAX_BYTES])
def test_what_could_do_harm_is_dropped_and_counted(css: str) -> None:
    assert clean(css) == CustomCss(dropped=1)


@pytest.mark.parametrize("css", HARM)
def test_and_changes_nothing_in_the_mail(rendered: Callable[..., Rendering], css: str) -> None:
    plain, styled = (rendered("<p>a</p>", custom_css=text).html for text in ("", css))
    assert styled == plain


@pytest.mark.parametrize(
    ("css", "cleaned"),
    [
        ("p { color: RED; margin: 0 auto !important }", "p{color:RED;margin:0 auto !important}"),
        ("h1, .x > td:nth-child(2) { color: rgb(1, 2, 3) }", "h1,.x > td:nth-child(2){color:rgb(1, 2, 3)}"),
        ("p { font-family: 'A b', serif } /* x */", 'p{font-family:"A b", serif}'),
    ],
)
def test_harmless_rules_stay(css: str, cleaned: str) -> None:
    assert clean(css) == CustomCss(inline=cleaned)


def test_the_rest_of_a_rule_that_lost_something_stays() -> None:
    assert clean("p, p:hover { color: red; position: fixed }") == CustomCss(inline="p{color:red}", dropped=1)


def test_rules_with_conditions_go_to_the_head_scoped_and_important() -> None:
    head = "@media screen and (max-width: 480px){.page h1,.page p{color:red !important}}"
    assert clean("@media screen and (max-width: 480px) { h1, .page p { color: red } }") == CustomCss(head=head)


def test_rules_beyond_the_limit_are_dropped() -> None:
    assert clean("p{color:red}" * (MAX_RULES + 2)) == CustomCss(inline="p{color:red}" * MAX_RULES, dropped=2)


def test_the_head_style_keeps_a_condition_of_the_customer(rendered: Callable[..., Rendering]) -> None:
    html = rendered("<p>a</p>", custom_css="@media (prefers-color-scheme: dark) { p { color: #ffffff } }").html
    assert html.count("@media (prefers-color-scheme: dark){.page p{color:#ffffff !important}}") == 1
