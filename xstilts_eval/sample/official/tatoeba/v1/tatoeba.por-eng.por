Anna vive em Lisboa.
A velha ponte atravessa o rio Vístula.
Comprámos três maçãs vermelhas.
Omar não respondeu à carta.
Sim, o museu abre às nove.
O doutor Lindqvist trabalha no Hospital Santa Clara.
Como chovia, as crianças ficaram em casa.
A minha irmã e o seu marido mudaram-se para Nairobi em 1998.
Podes ver a montanha?
O Banco do Porto abriu um pequeno escritório em Quito.
O professor deu dois livros a cada aluno.
Maria Costa escreveu uma canção sobre o mar.
Eles vão vender o barco na próxima semana.
O comboio de Viena para Praga estava atrasado.
Aqui o chá é mais barato que o café.
Ele disse que a sopa estava demasiado salgada.
O Teatro Lanterna Azul convidou Kenji Mori para ir a Osaka.
Oh, esqueci-me das minhas chaves!
Ninguém sabe a resposta.
Se o vento parar, podemos navegar até Malta.
Os agricultores da União do Vale Verde plantaram 400 árvores.
O gato branco dela dorme debaixo da mesa.
Os jovens deixam frequentemente a aldeia.
Elena e Tomas encontraram-se em frente da biblioteca.
