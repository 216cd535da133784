// The commands of `weft`: what each is called and what it does, and the functions that make them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/flags/catalog.h"
#include "tools/flags/flags.h"

namespace weft::tools {

struct CommandInfo {
  std::string name;
  std::string group;  // its heading in the help
  std::string summary;
  std::unique_ptr<Command> (*make)(const Catalog&);
};

// In the order of the help.
const std::vector<CommandInfo>& all_commands();

#define WEFT_COMMAND(name, group, summary) std::unique_ptr<Command> make_##name(const Catalog& catalog);
#include "tools/commands/commands.def"
#undef WEFT_COMMAND

}  // namespace weft::tools
