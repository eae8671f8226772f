// What the command line says.
#pragma once

#include <shunt/core/error.hpp>

#include <string>

#include "../arguments.hpp"

struct Options {
  std::string file, checkpoint, resume;
  std::int64_t layers = 4, heads = 4, width = 128, context = 128, batch = 16, steps = 0, seed = 1;
  double seconds = 300, lr = 2e-3, dropout = 0;
};

inline Options parse(int argc, char** argv) {
  Options o;
  arguments::Parser()
      .words("FILE", o.file)
      .option("--layers N", o.layers)
      .option("--heads N", o.heads)
      .option("--width N", o.width)
      .option("--context N", o.context)
      .option("--batch N", o.batch)
      .option("--lr RATE", o.lr)
      .option("--dropout CHANCE", o.dropout)
      .option("--seconds N", o.seconds)
      .option("--steps N", o.steps)
      .option("--seed N", o.seed)
      .option("--checkpoint FILE", o.checkpoint)
      .option("--resume FILE", o.resume)
      .flag("--short", [&] { o.layers = 2, o.heads = 2, o.width = 32, o.context = 32, o.batch = 4, o.steps = 20; })
      .parse(argc, argv);
  for (const double v : {static_cast<double>(o.layers), static_cast<double>(o.heads), static_cast<double>(o.width),
                         static_cast<double>(o.context) / 4, static_cast<double>(o.batch)})
    if (!(v >= 1)) throw shunt::ValueError("sizes must be positive, and the context at least 4");
  if (o.steps < 0 || !(o.seconds > 0)) throw shunt::ValueError("steps and seconds must be positive");
  return o;
}
