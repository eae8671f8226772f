// Catch2 2 brings its main and its implementation in the header; built once, linked into every test program.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
