// The documentation beside the tree: every relative link of every page leads somewhere, the table of contents lists
// every page, and the pages docs/internals/adding-*.md list the files in which their examples stand. WEFT_BLESS=1
// rewrites those lists: read the difference, the remark of a new file is yours to write.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace fs = std::filesystem;

namespace {

const fs::path kRoot = WEFT_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The files of the repository for which `is_wanted` holds, by their paths in it, sorted. Not those of builds.
template <typename Wanted>
std::vector<std::string> files_where(Wanted is_wanted) {
  std::vector<std::string> files;
  for (auto each = fs::recursive_directory_iterator(kRoot); each != fs::end(each); ++each) {
    const fs::path path = each->path().lexically_relative(kRoot);
    const std::string top = path.begin()->string();
    if (top.starts_with('.') || top == "build") {
      if (each->is_directory()) each.disable_recursion_pending();
    } else if (each->is_regular_file() && is_wanted(path)) {
      files.push_back(path.string());
    }
  }
  std::ranges::sort(files);
  return files;
}

std::vector<std::string> pages() {
  return files_where([](const fs::path& path) { return path.extension() == ".md"; });
}

bool is_fence(std::string_view line) {
  return line.substr(std::min(line.find_first_not_of(' '), line.size())).starts_with("```");
}

// --- Links -----------------------------------------------------------------------------------------------------------

// Inline code holds no links: `f(a)[b](c)`.
std::string without_code(const std::string& line) {
  std::string text;
  bool in_code = false;
  for (const char c : line) {
    if (c == '`') in_code = !in_code;
    text += in_code ? ' ' : c;
  }
  return text;
}

struct Link {
  std::string target;
  int line;
};

std::vector<Link> links_of(const std::string& page) {
  std::vector<Link> links;
  bool in_block = false;
  int number = 0;
  for (const std::string& line : lines_of(page)) {
    ++number;
    if (is_fence(line)) in_block = !in_block;
    if (in_block) continue;
    const std::string text = without_code(line);
    for (std::size_t at = 0; (at = text.find("](", at)) != std::string::npos;) {
      at += 2;
      links.push_back({text.substr(at, text.find(')', at) - at), number});
    }
  }
  return links;
}

// As GitHub makes it of a heading: lower case, punctuation dropped, '-' for a space.
std::string anchor_of(std::string_view heading) {
  std::string anchor;
  for (const char c : heading) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-')
      anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (c == ' ')
      anchor += '-';
  }
  return anchor;
}

std::set<std::string> anchors_of(const std::string& page) {
  std::set<std::string> anchors;
  bool in_block = false;
  for (const std::string& line : lines_of(page)) {
    if (is_fence(line)) in_block = !in_block;
    if (in_block || !line.starts_with('#')) continue;
    anchors.insert(anchor_of(std::string_view(line).substr(line.find_first_not_of("# "))));
  }
  return anchors;
}

TEST_CASE("docs: every relative link leads to a file, and its anchor to a heading") {
  int links = 0, anchors = 0, outside = 0;
  for (const std::string& page : pages()) {
    for (const Link& link : links_of(read(kRoot / page))) {
      if (link.target.starts_with("https://")) {
        ++outside;
        continue;
      }
      INFO(page, ":", link.line, ": ", link.target);
      const std::size_t hash = link.target.find('#');
      const std::string file = link.target.substr(0, hash);
      const fs::path target = file.empty() ? kRoot / page : (kRoot / page).parent_path() / file;
      ++links;
      const bool is_there = fs::exists(target);
      CHECK(is_there);
      if (!is_there || hash == std::string::npos) continue;
      ++anchors;
      CHECK(anchors_of(read(target)).contains(link.target.substr(hash + 1)));
    }
  }
  MESSAGE(links << " links, " << anchors << " of them with an anchor; not followed: " << outside << " to other sites");
  CHECK(links > 100);
}

// `passes/cse.cpp` in a line of prose: inline code that begins with a folder of the tree and holds nothing but a path;
// NAME stands for any.
std::vector<std::string> paths_of(const std::string& line) {
  static const std::set<std::string> folders = {"backends", "bench",  "docs",    "examples", "frontend",
                                                "ir",       "models", "passes",  "runtime",  "scripts",
                                                "tests",    "tools",  "training"};
  std::vector<std::string> paths;
  for (std::size_t at = 0; (at = line.find('`', at)) != std::string::npos;) {
    const std::size_t end = std::min(line.find('`', at + 1), line.size());
    const std::string code = line.substr(at + 1, end - at - 1);
    const bool is_path = code.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./") ==
                         std::string::npos;
    if (is_path && code.find("NAME") == std::string::npos && code.find('/') != std::string::npos &&
        folders.contains(code.substr(0, code.find('/'))))
      paths.push_back(code);
    at = end + 1;
  }
  return paths;
}

TEST_CASE("docs: every file and folder of the tree that a page names is there") {
  int count = 0;
  for (const std::string& page : pages()) {
    if (page == "CHANGELOG.md") continue;  // names what was
    int number = 0;
    bool in_block = false;
    for (const std::string& line : lines_of(read(kRoot / page))) {
      ++number;
      if (is_fence(line)) in_block = !in_block;
      if (in_block) continue;
      for (const std::string& path : paths_of(line)) {
        INFO(page, ":", number, ": ", path);
        CHECK(fs::exists(kRoot / path));
        ++count;
      }
    }
  }
  MESSAGE(count << " paths");
  CHECK(count > 100);
}

TEST_CASE("docs: docs/README.md lists every page of docs") {
  std::set<std::string> listed;
  for (const Link& link : links_of(read(kRoot / "docs/README.md")))
    listed.insert((fs::path("docs") / link.target).lexically_normal().string());
  int count = 0;
  for (const std::string& page : pages()) {
    if (!page.starts_with("docs/") || page == "docs/README.md") continue;
    CAPTURE(page);
    CHECK(listed.contains(page));
    ++count;
  }
  MESSAGE(count << " pages");
  CHECK(count > 20);
}

// --- The files in which an example stands
// ------------------------------------------------------------------------------

// A block of a page: "```files WORD.." and then a line a file, "path   what stands there". It lists every file of the
// product (no test, benchmark, script or page) that mentions one of the words, and chosen tests that do.
constexpr std::string_view kBlock = "```files ";

bool is_product_source(const fs::path& path) {
  static const std::set<std::string> others = {"tests", "bench", "docs", "examples", "scripts", "cmake"};
  static const std::set<std::string> extensions = {".h", ".cpp", ".c", ".def", ".in"};
  return !others.contains(path.begin()->string()) &&
         (extensions.contains(path.extension().string()) || path.filename() == "CMakeLists.txt");
}

bool is_word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-'; }

// Whole words: of `erf` not "erff" or "early-erf", but "make_erf".
bool mentions(const std::string& text, const std::string& word) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; ++at) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_word_char(text[at - 1])) && (end == text.size() || !is_word_char(text[end]))) return true;
  }
  return false;
}

bool mentions_any(const std::string& path, const std::vector<std::string>& words) {
  const std::string text = read(kRoot / path);
  return std::ranges::any_of(words, [&](const std::string& word) { return mentions(text, word); });
}

std::set<std::string> product_files_with(const std::vector<std::string>& words) {
  const std::vector<std::string> files = files_where(is_product_source);
  std::set<std::string> found;
  for (const std::string& file : files)
    if (mentions_any(file, words)) found.insert(file);
  return found;
}

struct Block {
  std::vector<std::string> words;
  std::map<std::string, std::string> lines;  // by their file
};

Block block_at(const std::vector<std::string>& page, std::size_t& i) {
  Block block;
  std::istringstream words(page[i].substr(kBlock.size()));
  for (std::string word; words >> word;) block.words.push_back(word);
  for (++i; i < page.size() && !is_fence(page[i]); ++i)
    block.lines.emplace(page[i].substr(0, page[i].find(' ')), page[i]);
  return block;
}

bool is_blessed() {
  const char* bless = std::getenv("WEFT_BLESS");
  return bless != nullptr && std::strcmp(bless, "1") == 0;
}

void write_lines(std::ostream& out, const Block& block, const std::set<std::string>& found) {
  for (const std::string& file : found) {
    const auto line = block.lines.find(file);
    out << (line == block.lines.end() ? file : line->second) << '\n';
  }
  for (const auto& [file, line] : block.lines)
    if (file.starts_with("tests/")) out << line << '\n';
}

TEST_CASE("docs: the pages adding-* list the files in which their examples stand") {
  int files = 0, tests = 0, count = 0;
  for (const std::string& name : pages()) {
    if (!name.starts_with("docs/internals/adding-")) continue;
    ++count;
    const std::vector<std::string> page = lines_of(read(kRoot / name));
    std::ostringstream blessed;
    int blocks = 0;
    for (std::size_t i = 0; i < page.size(); ++i) {
      blessed << page[i] << '\n';
      if (!page[i].starts_with(kBlock)) continue;
      ++blocks;
      const Block block = block_at(page, i);
      const std::set<std::string> found = product_files_with(block.words);
      write_lines(blessed, block, found);
      blessed << "```\n";
      for (const auto& [file, line] : block.lines) {
        INFO(name, " lists ", file);
        CHECK(mentions_any(file, block.words));
        ++(file.starts_with("tests/") ? tests : files);
      }
      if (is_blessed()) continue;
      for (const std::string& file : found) {
        INFO(name, " lacks ", file, ": run this test with WEFT_BLESS=1 and say what stands there");
        CHECK(block.lines.contains(file));
      }
    }
    INFO(name, " has a block that begins with ", kBlock);
    CHECK(blocks == 1);
    if (is_blessed()) std::ofstream(kRoot / name) << blessed.str();
  }
  MESSAGE(count << " pages, " << files << " files, " << tests << " tests");
  CHECK(count == 5);
}

TEST_CASE("docs: whole words are found, and parts of words are not") {
  CHECK(mentions("case OpCode::erf:", "erf"));
  CHECK(mentions("make_erf()", "erf"));
  CHECK_FALSE(mentions("interface, erff, early-erf", "erf"));
  CHECK(anchor_of("`simplify`: rules as algebra") == "simplify-rules-as-algebra");
  CHECK(links_of("[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n").size() == 1);
}

}  // namespace
