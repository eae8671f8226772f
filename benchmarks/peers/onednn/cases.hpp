#pragma once

#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "../case.hpp"

namespace peers {

void add_gemms(Cases& cases);
void add_convs(Cases& cases);

inline const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

/// What runs a primitive on its operands.
inline std::function<void()> execution(dnnl::primitive primitive, std::unordered_map<int, dnnl::memory> operands) {
  return [primitive = std::move(primitive), operands = std::move(operands), stream = dnnl::stream(cpu())]() mutable {
    primitive.execute(stream, operands);
    stream.wait();
  };
}

}  // namespace peers
