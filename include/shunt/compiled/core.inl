// core/, autograd/
SHUNT_INSTANCE class Tensor<SHUNT_T>;
SHUNT_INSTANCE std::string to_string(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE std::ostream& operator<<(std::ostream&, const Tensor<SHUNT_T>&);
SHUNT_INSTANCE class detail::Slots<SHUNT_T>;
SHUNT_INSTANCE struct detail::GradNode<SHUNT_T>;
SHUNT_INSTANCE struct detail::OpNode<SHUNT_T>;
SHUNT_INSTANCE class Saved<SHUNT_T>;
SHUNT_INSTANCE Tensor<SHUNT_T> detail::copy_of(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> detail::dense(const Tensor<SHUNT_T>&);
SHUNT_INSTANCE Tensor<SHUNT_T> detail::sum_to(const Tensor<SHUNT_T>&, const Shape&);
SHUNT_INSTANCE std::vector<Tensor<SHUNT_T>> grad(const Tensor<SHUNT_T>&, const std::vector<Tensor<SHUNT_T>>&,
                                                 const Tensor<SHUNT_T>&, BackwardOptions);
SHUNT_INSTANCE void detail::copy_into(const Tensor<SHUNT_T>&, const Tensor<SHUNT_T>&);
