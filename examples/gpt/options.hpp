// What the command line says.
#pragma once

#include <shunt/core/error.hpp>

#include <string>

struct Options {
  std::string file, checkpoint, resume;
  std::int64_t layers = 4, heads = 4, width = 128, context = 128, batch = 16, steps = 0, seed = 1;
  double seconds = 300, lr = 2e-3, dropout = 0;
};

inline Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const auto value = [&] {
      return i + 1 < argc ? std::string(argv[++i]) : throw shunt::ValueError(arg + " needs a value");
    };
    if (arg == "--short")
      o.layers = 2, o.heads = 2, o.width = 32, o.context = 32, o.batch = 4, o.steps = 20;
    else if (arg == "--layers")
      o.layers = std::stoll(value());
    else if (arg == "--heads")
      o.heads = std::stoll(value());
    else if (arg == "--width")
      o.width = std::stoll(value());
    else if (arg == "--context")
      o.context = std::stoll(value());
    else if (arg == "--batch")
      o.batch = std::stoll(value());
    else if (arg == "--steps")
      o.steps = std::stoll(value());
    else if (arg == "--seed")
      o.seed = std::stoll(value());
    else if (arg == "--seconds")
      o.seconds = std::stod(value());
    else if (arg == "--lr")
      o.lr = std::stod(value());
    else if (arg == "--dropout")
      o.dropout = std::stod(value());
    else if (arg == "--checkpoint")
      o.checkpoint = value();
    else if (arg == "--resume")
      o.resume = value();
    else if (arg.starts_with("--"))
      throw shunt::ValueError("unknown option " + arg);
    else
      o.file = arg;
  }
  for (const double v : {static_cast<double>(o.layers), static_cast<double>(o.heads), static_cast<double>(o.width),
                         static_cast<double>(o.context) / 4, static_cast<double>(o.batch)})
    if (!(v >= 1)) throw shunt::ValueError("sizes must be positive, and the context at least 4");
  if (o.steps < 0 || !(o.seconds > 0)) throw shunt::ValueError("steps and seconds must be positive");
  return o;
}
