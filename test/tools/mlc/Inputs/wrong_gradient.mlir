// Loss (wrong - 3)^2 + sum(right^2), with the gradients written by hand.
module @wrong {
  graph.parameter @right : tensor<3xf32> init #graph.init<normal, 0.0, 1.0> role trained
  graph.parameter @wrong : tensor<f32> init #graph.init<ones> role trained
  func.func @train(%a: tensor<3xf32> {graph.param = @right}, %b: tensor<f32> {graph.param = @wrong})
      -> (tensor<f32> {graph.loss}, tensor<3xf32> {graph.gradient = @right},
          tensor<f32> {graph.gradient = @wrong}) {
    %three = graph.constant dense<3.0> : tensor<f32>
    %e = graph.sub %b, %three : tensor<f32>
    %ee = graph.mul %e, %e : tensor<f32>
    %aa = graph.mul %a, %a : tensor<3xf32>
    %sum = graph.reduce sum %aa dims = [0] : tensor<3xf32> to tensor<f32>
    %loss = graph.add %ee, %sum : tensor<f32>
    %a2 = graph.add %a, %a : tensor<3xf32>
    %b2 = graph.add %b, %b : tensor<f32>
    return %loss, %a2, %b2 : tensor<f32>, tensor<3xf32>, tensor<f32>
  }
}
