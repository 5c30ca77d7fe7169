from collections.abc import Callable

from dispatcher.contracts.mail import PageFormat
from dispatcher.contracts.outcome import Remark
from tests.workers.render.conftest import PAGE_URL
from tests.workers.render.test_images import part
from workers.render.rendering import Rendering, Warning  # noqa: A004 -- the word of the API

Ruled = Callable[..., str]


def link(label: str) -> str:
    return f'<a class="bp-link" href="{PAGE_URL}">{label}</a>'


def test_a_frame_becomes_a_link(ruled: Ruled) -> None:
    assert ruled('<iframe src="https://example.org/v"></iframe>') == '<a href="https://example.org/v">https://example.org/v</a>'


def test_a_list_that_only_a_browser_fills_is_a_link_to_it(ruled: Ruled) -> None:
    assert ruled('<div class="plugin_pagetree"></div>') == f"<p>{link('▣ Show list in Confluence')}</p>"


def test_a_list_that_is_there_stays(ruled: Ruled) -> None:
    assert ruled('<ul class="childpages-macro"><li>a</li></ul>') == "<ul><li>a</li></ul>"


def test_a_diagram_without_a_picture_is_a_link(ruled: Ruled) -> None:
    diagram = '<div class="macro-diagram">Flow</div>'
    assert ruled(diagram) == f"<p>{link('▣ Flow: This part can only be seen in Confluence')}</p>"


def test_a_diagram_is_the_picture_that_the_job_delivers_under_its_name(rendered: Callable[..., Rendering]) -> None:
    storage = '<ac:structured-macro ac:name="drawio"><ac:parameter ac:name="diagramName">Flow</ac:parameter></ac:structured-macro>'
    rendering = rendered(storage, part(name="Flow.png"), body_format=PageFormat.STORAGE)
    assert ([image.name for image in rendering.images], rendering.warnings) == (["Flow.png"], ())


def test_a_macro_that_nobody_knows_is_a_link_and_counted(rendered: Callable[..., Rendering]) -> None:
    rendering = rendered('<ac:structured-macro ac:name="roadmap"/>', body_format=PageFormat.STORAGE)
    assert rendering.warnings == (Warning(Remark.MACRO_UNRENDERED, 1),)


def test_a_table_of_attachments_is_a_list_of_links(ruled: Ruled) -> None:
    row = '<tr><td class="filename-column"><a class="filename" href="/x">plan.pdf</a></td><td>2 kB</td></tr>'
    listed = f'<div class="plugin_attachments_container"><table class="attachments"><tr><th>File</th></tr>{row}</table></div>'
    assert ruled(listed) == f"<ul><li>{link('📎 plan.pdf')}</li></ul>"


def test_a_formula_is_its_source(ruled: Ruled) -> None:
    tex = '<annotation encoding="application/x-tex">x^2 &lt; 1</annotation>'
    katex = f'<span class="katex-mathml"><math><semantics><mi>x</mi>{tex}</semantics></math></span><span class="katex-html">x2&lt;1</span>'
    assert ruled(f"<p>{katex}</p>") == "<p><code>x^2 &lt; 1</code></p>"


def test_a_formula_that_does_not_say_its_source_is_its_characters(ruled: Ruled) -> None:
    assert ruled("<p><math><mi>x</mi><mo>+</mo><mn>1</mn></math></p>") == "<p><code>x+1</code></p>"


def test_an_excerpt_of_another_page_has_no_frame(ruled: Ruled) -> None:
    parts = '<div class="panelHeader"><b>Other page</b></div><div class="panelContent"><p>a</p></div>'
    assert ruled(f'<div class="panel conf-macro" data-macro-name="excerpt-include">{parts}</div>') == "<p>a</p>"
