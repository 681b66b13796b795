// Loss sum |w - 1| at w = 1: a kink at every element.
module @kinks {
  graph.parameter @w : tensor<5xf32> init #graph.init<normal, 1.0, 0.0> role trained
  func.func @train(%w: tensor<5xf32> {graph.param = @w}) -> (tensor<f32> {graph.loss}) {
    %one = graph.constant dense<1.0> : tensor<5xf32>
    %d = graph.sub %w, %one : tensor<5xf32>
    %c = graph.abs %d : tensor<5xf32>
    %sum = graph.reduce sum %c dims = [0] : tensor<5xf32> to tensor<f32>
    return %sum : tensor<f32>
  }
}
