import pytest

from workers.render.storage import view_of


def macro(name: str, inside: str = "", /, **parameters: str) -> str:
    said = "".join(f'<ac:parameter ac:name="{key}">{value}</ac:parameter>' for key, value in parameters.items())
    return f'<ac:structured-macro ac:name="{name}">{said}{inside}</ac:structured-macro>'


def rich(body: str) -> str:
    return f"<ac:rich-text-body>{body}</ac:rich-text-body>"


def plain(body: str) -> str:
    return f"<ac:plain-text-body><![CDATA[{body}]]></ac:plain-text-body>"


FILE = '<a class="confluence-embedded-file" data-linked-resource-default-alias="plan.pdf">plan.pdf</a>'
NOTE = (
    '<div class="confluence-information-macro confluence-information-macro-note">'
    '<div class="confluence-information-macro-body"><p>a</p></div></div>'
)


@pytest.mark.parametrize(
    ("storage", "view"),
    [
        (macro("jira", key="AB-1"), '<span class="jira-issue"><a href="/browse/AB-1">AB-1</a></span>'),
        (macro("jira", jqlQuery="a = b"), '<span class="jira-issue"><a href="/issues/?jql=a%20%3D%20b">Jira: a = b</a></span>'),
        (macro("view-file", name='<ri:attachment ri:filename="plan.pdf"/>'), FILE),
        (macro("drawio", diagramName="Flow"), '<div class="macro-diagram">Flow</div>'),
        (macro("children"), '<div class="macro-list"></div>'),
        (
            macro("widget", url='<ri:url ri:value="https://example.org/v"/>'),
            '<a class="frame" href="https://example.org/v">https://example.org/v</a>',
        ),
        (macro("mathblock", plain("a<b")), "<code>a&lt;b</code>"),
        (macro("easy-math-block", body="x^2"), "<code>x^2</code>"),
        (macro("toc", minLevel="2", maxLevel="3"), '<div class="toc-macro" data-headerelements="h2,h3"></div>'),
        (macro("excerpt", rich("<p>a</p>")), "<div><p>a</p></div>"),
        (macro("excerpt", rich("<p>a</p>"), hidden="true"), ""),
        (macro("details", rich("<p>a</p>")), "<div><p>a</p></div>"),
        (macro("profile"), ""),
        (macro("roadmap", title="Plan"), '<span class="unknown-macro">roadmap: Plan</span>'),
        (macro("my-box", rich("<p>a</p>")), "<div><p>a</p></div>"),
        (macro("note", rich("<p>a</p>")), NOTE),
        (f'<ac:macro ac:name="note">{rich("<p>a</p>")}</ac:macro>', NOTE),
        (
            macro("section", rich(macro("column", rich("a")) + macro("column", rich("b"), width="70%"))),
            '<div class="columnLayout"><div class="cell">a</div><div class="cell" style="width:70%">b</div></div>',
        ),
    ],
)
def test_a_macro_has_the_classes_of_its_view(storage: str, view: str) -> None:
    assert view_of(storage) == f"<div>{view}</div>"


@pytest.mark.parametrize(
    ("storage", "view"),
    [
        ('<ac:link><ri:page ri:space-key="DEV" ri:content-title="Road map"/></ac:link>', '<a href="/display/DEV/Road%20map">Road map</a>'),
        ('<ac:link><ri:page ri:content-title="Road map"/></ac:link>', '<a href="">Road map</a>'),
        ('<ac:link ac:anchor="Top"><ac:plain-text-link-body><![CDATA[up]]></ac:plain-text-link-body></ac:link>', '<a href="#Top">up</a>'),
        ('<ac:link><ri:attachment ri:filename="plan.pdf"/></ac:link>', FILE),
        ('<ac:link><ri:user ri:account-id="7"/></ac:link>', ""),
        ('<ac:link><ri:user ri:account-id="7"/><ac:link-body>Ann</ac:link-body></ac:link>', '<a class="user-mention">Ann</a>'),
    ],
)
def test_a_link_leads_where_storage_says(storage: str, view: str) -> None:
    assert view_of(storage) == f"<div>{view}</div>"


def extension(kind: str, inside: str, fallback: str = "") -> str:
    node = f'<ac:adf-node type="{kind}"><ac:adf-attribute key="local-id">1</ac:adf-attribute>{inside}</ac:adf-node>'
    return f"<ac:adf-extension>{node}<ac:adf-fallback>{fallback}</ac:adf-fallback></ac:adf-extension>"


def test_a_panel_of_the_new_editor_is_an_information_macro() -> None:
    inside = '<ac:adf-attribute key="panel-type">note</ac:adf-attribute><ac:adf-content><p>a</p></ac:adf-content>'
    assert view_of(extension("panel", inside, "<p>old</p>")) == f"<div>{NOTE}</div>"


def test_another_part_of_the_new_editor_is_its_older_rendering() -> None:
    assert view_of(extension("chart", "<ac:adf-content>new</ac:adf-content>", "<p>old</p>")) == "<div><div><p>old</p></div></div>"


def test_decisions_without_an_older_rendering_are_a_list() -> None:
    item = '<ac:adf-node type="decision-item"><ac:adf-attribute key="state">DECIDED</ac:adf-attribute>go</ac:adf-node>'
    assert view_of(extension("decision-list", item)) == '<div><div><ul class="decision-list"><li>go</li></ul></div></div>'


@pytest.mark.parametrize(
    ("storage", "view"),
    [
        ("&auml;&nbsp;&amp;", "\u00e4\u00a0&amp;"),
        ("&nosuch;", "&amp;nosuch;"),
        ('<p xmlns:ac="http://example.org/ac">a</p>', "<p>a</p>"),
        ('<!DOCTYPE p [<!ENTITY x "y">]><p>a</p>', "<p>a</p>"),
        ('<p>a <ac:inline-comment-marker ac:ref="1">b</ac:inline-comment-marker><ac:placeholder>c</ac:placeholder></p>', "<p>a b</p>"),
    ],
)
def test_what_is_only_xml_is_gone(storage: str, view: str) -> None:
    assert view_of(storage) == f"<div>{view}</div>"
