# cmake -DOUT=DIR -DFOLDER=DIR -DBASE="a.h;b.c" -DSTANDALONE="c.c" -P embed.cmake
# Writes OUT/artefact_sources.cpp, which holds the texts of FOLDER (sources.h), and OUT/artefact_runtime.c, which
# concatenates the base texts. Drops their #includes of each other, because they form one file, but for steps.def, whose
# text stands in place of each.
file(READ ${FOLDER}/../program/steps.def steps_def)
function(text_of name result)
  file(READ ${FOLDER}/${name} text)
  string(REPLACE "#include \"runtime/program/steps.def\"\n" "${steps_def}" text "${text}")
  string(REGEX REPLACE "#include \"runtime/[^\n]*\n" "" text "${text}")
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

function(table name files result)
  set(rows "const std::initializer_list<Text> ${name} = {\n")
  foreach(file ${files})
    text_of(${file} text)
    string(APPEND rows "    {\"${file}\", R\"weft(${text})weft\"},\n")
  endforeach()
  set(${result} "${rows}};\n" PARENT_SCOPE)
endfunction()

table(base_texts "${BASE}" base)
table(standalone_texts "${STANDALONE}" standalone)
file(READ ${FOLDER}/codes.h codes)
file(READ ${FOLDER}/interface.h.in interface)
string(REPLACE "@CODES@" "${codes}" interface "${interface}")
file(WRITE ${OUT}/artefact_sources.cpp "// Written by embed.cmake.
#include \"runtime/artefact/sources.h\"

namespace weft::runtime {

namespace {

using Text = std::pair<const char*, std::string_view>;
${base}
${standalone}
}  // namespace

std::vector<std::pair<std::string, std::string_view>> artefact_sources(bool standalone) {
  std::vector<std::pair<std::string, std::string_view>> sources(base_texts.begin(), base_texts.end());
  if (standalone) sources.insert(sources.end(), standalone_texts.begin(), standalone_texts.end());
  return sources;
}

std::string_view artefact_interface() {
  return R\"weft(${interface})weft\";
}

}  // namespace weft::runtime
")

file(WRITE ${OUT}/artefact_runtime.c "")
foreach(file ${BASE})
  text_of(${file} text)
  file(APPEND ${OUT}/artefact_runtime.c "#line 1 \"${file}\"\n${text}")
endforeach()
