"""ghostscript: pages of text and curves made into PDF, and the PDF drawn."""

from .program import Command, Program

SCRIPT = """\
%!PS
/state 1 def
/draw { /state state 1103 mul 12345 add 2147483 mod def state exch mod } def
/words [ (basalt) (lava) (cools) (slowly) (into) (columns) (of) (six) (sides) ] def
/Line { 9 { words 9 draw get show ( ) show } repeat } def
/Curve { newpath 600 draw 800 draw moveto 12 { 6 { 800 draw } repeat curveto } repeat } def
/Paint { 2 draw 0 eq { fill } { 3 draw setlinewidth stroke } ifelse } def
1 1 PAGES { /page exch def
  /Helvetica findfont 8 draw 6 add scalefont setfont
  40 1 75 { 10 mul 30 exch moveto Line } for
  20 { gsave 3 { 100 draw 100 div } repeat setrgbcolor Curve Paint grestore } repeat
  /store 200 dict def
  400 { store 10000 draw 10 string cvs cvn [ 30 draw { page } repeat ] put } repeat
  showpage
} for
"""


class GsPages(Program):
    name = "ghostscript"
    work = "pages of text and curves to PDF, and drawn"

    def tools(self):
        return ["gs"]

    def prepare(self, folder, scale):
        (folder / "work.ps").write_text(SCRIPT.replace("PAGES", str(max(1, int(60 * scale)))))

    def commands(self, folder):
        quiet = ["gs", "-q", "-dBATCH", "-dNOPAUSE"]
        yield Command([*quiet, "-sDEVICE=pdfwrite", "-o", "work.pdf", "work.ps"])
        yield Command([*quiet, "-sDEVICE=ppmraw", "-r50", "-o", "work.ppm", "work.pdf"])
