// The program `weft`.
#include "tools/main.h"

int main(int argc, char** argv) { return weft::main(argc, argv); }
