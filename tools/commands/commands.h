// The commands of `weft`: their names, summaries and factories.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/flags/catalog.h"
#include "tools/flags/flags.h"

namespace weft::tools {

struct CommandInfo {
  std::string name;
  std::string group;  // heading in the help
  std::string summary;
  std::unique_ptr<Command> (*make)(const Catalog&);
};

// In help order.
const std::vector<CommandInfo>& all_commands();

#define WEFT_COMMAND(name, group, summary) std::unique_ptr<Command> make_##name(const Catalog& catalog);
#include "tools/commands/commands.def"
#undef WEFT_COMMAND

}  // namespace weft::tools
