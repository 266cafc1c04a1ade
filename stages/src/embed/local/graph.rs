//! Builds an ONNX graph in memory, node by node. Every function returns the
//! name of the value it adds, which is the input of those after it.

use ort::editor::{Graph, Model, Node, ONNX_DOMAIN, Opset};
use ort::memory::Allocator;
use ort::operator::Attribute;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::value::{Outlet, Shape, SymbolicDimensions, Tensor, TensorElementType, ValueType};

use super::super::EmbedError;

/// Version of the ONNX operators that the nodes are written in.
const OPSET: u32 = 17;
/// The domain of ONNX Runtime's own operators.
pub(super) const CONTRIB_DOMAIN: &str = "com.microsoft";
/// Constants below this size must be copied into the graph.
const EXTERNAL_BYTES_MIN: usize = 128;

/// The value of a node's attribute.
pub(super) enum Value<'a> {
    /// A whole number.
    Int(i64),
    /// A fraction.
    Float(f32),
    /// A list of whole numbers.
    Ints(&'a [i64]),
}

/// A graph that is being built. Constants and nodes are added before what
/// uses them.
pub(super) struct GraphBuilder {
    graph: Graph,
    allocator: Allocator,
}

impl GraphBuilder {
    /// An empty graph with one input and the outputs, all of 32-bit floats. A
    /// dimension that is only known at run time is -1.
    pub(super) fn new(input: (&str, Vec<i64>), outputs: Vec<(&str, Vec<i64>)>) -> Result<Self, EmbedError> {
        let mut graph = Graph::new()?;
        graph.set_inputs([outlet(input)])?;
        graph.set_outputs(outputs.into_iter().map(outlet).collect::<Vec<_>>())?;
        Ok(Self { graph, allocator: Allocator::default() })
    }

    /// A constant of 32-bit floats; `values` has as many as `shape` says.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Result<String, EmbedError> {
        self.constant(name, shape, values)
    }

    /// A constant of whole numbers of 8 bits.
    pub(super) fn bytes(&mut self, name: &str, shape: &[usize], values: &[i8]) -> Result<String, EmbedError> {
        self.constant(name, shape, values)
    }

    /// A constant list of whole numbers.
    pub(super) fn ints(&mut self, name: &str, values: &[i64]) -> Result<String, EmbedError> {
        self.constant(name, &[values.len()], values)
    }

    fn constant<T>(&mut self, name: &str, shape: &[usize], values: &[T]) -> Result<String, EmbedError>
    where
        T: ort::value::PrimitiveTensorElementType + Copy + std::fmt::Debug + 'static,
    {
        let mut tensor = Tensor::<T>::new(&self.allocator, Shape::new(shape.iter().map(|&size| size as i64)))?;
        let (_, space) = tensor.extract_tensor_mut();
        if space.len() != values.len() {
            let reason = format!("{name} has {} values where {shape:?} takes {}", values.len(), space.len());
            return Err(EmbedError::Inference { reason });
        }
        space.copy_from_slice(values);
        // "External" memory is used as it is; other memory would be copied.
        self.graph.add_initializer(name, tensor, size_of_val(values) >= EXTERNAL_BYTES_MIN)?;
        Ok(name.to_owned())
    }

    /// A standard operator with one output, called `output`.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Value<'_>)],
    ) -> Result<String, EmbedError> {
        self.node_of(ONNX_DOMAIN, operator, inputs, &[output], attributes)?;
        Ok(output.to_owned())
    }

    /// An operator of any domain with any number of outputs.
    pub(super) fn node_of(
        &mut self,
        domain: &str,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Value<'_>)],
    ) -> Result<(), EmbedError> {
        let attributes = attributes
            .iter()
            .map(|(name, value)| match value {
                Value::Int(number) => Attribute::new(name, *number),
                Value::Float(number) => Attribute::new(name, *number),
                Value::Ints(numbers) => Attribute::new(name, numbers.to_vec()),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let name = format!("{operator}:{}", outputs.first().unwrap_or(&""));
        self.graph.add_node(Node::new(operator, domain, name, inputs, outputs, attributes)?)?;
        Ok(())
    }

    /// A session that runs the graph.
    pub(super) fn into_session(self, options: &SessionBuilder) -> Result<Session, EmbedError> {
        let mut model = Model::new([Opset::new(ONNX_DOMAIN, OPSET)?, Opset::new(CONTRIB_DOMAIN, 1)?])?;
        model.set_graph(self.graph)?;
        Ok(model.into_session(options)?)
    }
}

fn outlet((name, dimensions): (&str, Vec<i64>)) -> Outlet {
    let dimension_symbols = SymbolicDimensions::empty(dimensions.len());
    Outlet::new(
        name,
        ValueType::Tensor { ty: TensorElementType::Float32, shape: Shape::new(dimensions), dimension_symbols },
    )
}
