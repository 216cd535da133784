// The report page: everything escaped, everything inside.
#include "training/runs/report.h"

#include <doctest/doctest.h>

#include "runtime/atomic_file.h"
#include "tests/support/temp_folder.h"
#include "training/data/png.h"
#include "training/plot/canvas.h"

namespace weft::training {
namespace {

using test::contains;

TEST_CASE("report: base64 of RFC 4648") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("report: all text is escaped") {
  const std::string evil = "<script>'\"&";
  const std::string safe = "&lt;script&gt;&#39;&quot;&amp;";
  CHECK(escape_html(evil) == safe);
  const std::string png = encode_png({1, 1, 1, {0}});
  Report report(evil);
  report.section(evil).facts({{evil, evil}}).picture(evil, png).text(evil, evil).table(evil, {evil}, {{evil}});
  const std::string page = report.html();
  CHECK(!contains(page, "<script"));
  std::size_t count = 0;
  for (std::size_t at = page.find(safe); at != std::string::npos; at = page.find(safe, at + 1)) ++count;
  CHECK(count == 12);  // the title twice, the caption of the picture twice
}

TEST_CASE("report: the page holds its parts in order and needs nothing from outside") {
  const std::string png = encode_png({1, 1, 1, {0}});
  Report report("run");
  report.facts({{"model", "vae"}}).section("Pictures").picture("samples", png).text("Graph", "a\n  b");
  const std::string svg = Canvas(3, 2).svg();
  report.picture("curves", svg).table("Kernels", {"kernel", "ms"}, {{"fused", "0.25"}, {"matmul", "1.5e-3"}});
  const std::string page = report.html();
  CHECK(page.starts_with("<!doctype html>"));
  std::size_t at = 0;
  for (const std::string& part :
       {std::string("<h1>run"), std::string("model"), std::string("Pictures"), "data:image/png;base64," + base64(png),
        std::string("a\n  b"), "data:image/svg+xml;base64," + base64(svg),
        std::string("<td class=\"number\">0.25</td>")}) {
    INFO(part);
    at = page.find(part, at);
    REQUIRE(at != std::string::npos);
  }
  CHECK(!contains(page, "http"));
  CHECK(!contains(page, "<td class=\"number\">fused"));
  const test::TempFolder folder;
  report.write(folder / "report.html");
  CHECK(runtime::read_file(folder / "report.html") == page);
}

TEST_CASE("report: bad parts") {
  Report report("run");
  CHECK_ERROR(report.picture("p", "GIF89a"), "the picture 'p' of a report is neither a PNG nor an SVG");
  CHECK_ERROR(report.table("t", {"a", "b"}, {{"1"}}), "has 2 columns, but a row has 1 cells");
  CHECK_ERROR(report.write("/no/such/folder/report.html"), "create the folder first");
}

}  // namespace
}  // namespace weft::training
