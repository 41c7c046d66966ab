"""Small documents of every format, written here byte by byte, and a conversion of them in this process."""

import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest

from paddock.bindings.ai.markdown.converter import convert
from paddock.bindings.ai.markdown.documents import ConversionOptions, Job, Limits, Outcome

Read = Callable[..., Outcome]

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_ODF = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        *(("office", "office"), ("text", "text"), ("table", "table"), ("style", "style"), ("draw", "drawing")),
        *(("svg", "svg-compatible"), ("fo", "xsl-fo-compatible"), ("manifest", "manifest")),
    )
)
#: An element of a tagged document: its type, and its text or the elements in it.
Element = tuple[str, Any]


@pytest.fixture
def read() -> Read:
    """`read(data, name, mime_type, limits=..., **options)`: what becomes of a document, without a child."""

    def run(data: bytes, name: str = "", mime_type: str = "", limits: Limits | None = None, **options: Any) -> Outcome:
        job = Job(name, mime_type, ConversionOptions(**options), limits or Limits(), len(data))
        return convert(BytesIO(data), job)

    return run


@pytest.fixture
def make() -> SimpleNamespace:
    """Writers of documents."""
    return SimpleNamespace(zipped=zipped, docx=docx, xlsx=xlsx, ods=ods, odt=odt, pdf=pdf, tagged_pdf=tagged_pdf)


def zipped(parts: dict[str, str | bytes]) -> bytes:
    """An archive, the parts in their order."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def docx(body: str) -> bytes:
    """A Word document whose body is this WordprocessingML; it has the style `Heading2`."""
    style = '<w:style w:type="paragraph" w:styleId="Heading2"><w:name w:val="heading 2"/></w:style>'
    main = f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="word/document.xml"/>'
    styles = f'<Relationship Id="r1" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{_TYPES}"/>',
            "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}">{main}</Relationships>',
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{_RELATIONS}">{styles}</Relationships>',
            "word/styles.xml": f"<w:styles {_W}>{style}</w:styles>",
            "word/document.xml": f"<w:document {_W}><w:body>{body}</w:body></w:document>",
        }
    )


def xlsx(sheets: dict[str, str], *, hidden: Sequence[str] = ()) -> bytes:
    """A workbook; a sheet is the XML of its rows."""
    entries, relations, parts = "", "", {}
    for number, (name, rows) in enumerate(sheets.items(), 1):
        state = ' state="hidden"' if name in hidden else ""
        entries += f'<sheet name="{name}" sheetId="{number}"{state} r:id="r{number}"/>'
        relations += f'<Relationship Id="r{number}" Type="{_OFFICE}/worksheet" Target="worksheets/{number}.xml"/>'
        parts[f"xl/worksheets/{number}.xml"] = f'<worksheet xmlns="{_SHEET}"><sheetData>{rows}</sheetData></worksheet>'
    main = f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{_TYPES}"/>',
            "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}">{main}</Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>{entries}</sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}">{relations}</Relationships>',
            **parts,
        }
    )


def ods(body: str) -> bytes:
    """An OpenDocument spreadsheet with these tables."""
    return _open_document("spreadsheet", f"<office:spreadsheet>{body}</office:spreadsheet>")


def odt(body: str, styles: str = "") -> bytes:
    """An OpenDocument text with this body and these automatic styles."""
    return _open_document("text", f"<office:text>{body}</office:text>", styles)


def _open_document(kind: str, body: str, styles: str = "") -> bytes:
    mime_type = f"application/vnd.oasis.opendocument.{kind}"
    entry = f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{mime_type}"/>'
    content = (
        f'<office:document-content {_ODF} xmlns:xlink="http://www.w3.org/1999/xlink">'
        f"<office:automatic-styles>{styles}</office:automatic-styles><office:body>{body}</office:body>"
        "</office:document-content>"
    )
    return zipped(
        {
            "mimetype": mime_type,
            "content.xml": content,
            "META-INF/manifest.xml": f"<manifest:manifest {_ODF}>{entry}</manifest:manifest>",
        }
    )


def pdf(pages: Sequence[str], info: str = "", catalog: str = "") -> bytes:
    """A PDF with a line of text on each page."""
    objects = [f"<</Type/Catalog/Pages 2 0 R{catalog}>>", "", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    references = []
    for text in pages:
        number = len(objects) + 1
        references.append(f"{number} 0 R")
        objects += [_page(number + 1), _stream(_shown(text, 700))]
    objects[1] = f"<</Type/Pages/Count {len(pages)}/Kids[{' '.join(references)}]>>"
    return _assembled([*objects, f"<<{info}>>"], f"/Info {len(objects) + 1} 0 R")


def tagged_pdf(elements: Sequence[Element], language: str = "en") -> bytes:
    """A PDF of one page whose structure is these elements."""
    catalog = f"<</Type/Catalog/Pages 2 0 R/StructTreeRoot 6 0 R/MarkInfo<</Marked true>>/Lang({language})>>"
    objects = [catalog, "<</Type/Pages/Count 1/Kids[4 0 R]>>", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    objects += [_page(5, "/StructParents 0"), "", ""]
    contents: list[str] = []
    owners: list[int] = []

    def add(element: Element, parent: int) -> int:
        kind, inner = element
        objects.append("")
        number = len(objects)
        if isinstance(inner, str):
            kids = str(len(contents))
            contents.append(f"/{kind}<</MCID {kids}>>BDC {_shown(inner, 720 - 20 * len(contents))} EMC")
            owners.append(number)
        else:
            kids = " ".join(f"{add(child, number)} 0 R" for child in inner)
        objects[number - 1] = f"<</Type/StructElem/S/{kind}/P {parent} 0 R/Pg 4 0 R/K[{kids}]>>"
        return number

    kids = " ".join(f"{add(element, 6)} 0 R" for element in elements)
    parents = " ".join(f"{number} 0 R" for number in owners)
    objects[4] = _stream("\n".join(contents))
    objects[5] = f"<</Type/StructTreeRoot/K[{kids}]/ParentTree<</Nums[0[{parents}]]>>>>"
    return _assembled(objects, "")


def _page(contents: int, more: str = "") -> str:
    resources = "/Resources<</Font<</F 3 0 R>>>>"
    return f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]{resources}/Contents {contents} 0 R{more}>>"


def _shown(text: str, height: int) -> str:
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"BT /F 12 Tf 50 {height} Td ({escaped}) Tj ET"


def _stream(content: str) -> str:
    return f"<</Length {len(content.encode('latin-1'))}>>stream\n{content}\nendstream"


def _assembled(objects: Sequence[str], trailer: str) -> bytes:
    out, offsets = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj{content}endobj\n".encode("latin-1")
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Size {size}/Root 1 0 R{trailer}>>"
    return out + f"{end}\nstartxref\n{len(out)}\n%%EOF".encode()
