// The table of commands: the rows of commands.def.
#include "tools/commands/commands.h"

namespace weft::tools {

const std::vector<CommandInfo>& all_commands() {
  static const std::vector<CommandInfo> commands = {
#define WEFT_COMMAND(name, group, summary) {#name, group, summary, make_##name},
#include "tools/commands/commands.def"
#undef WEFT_COMMAND
  };
  return commands;
}

}  // namespace weft::tools
